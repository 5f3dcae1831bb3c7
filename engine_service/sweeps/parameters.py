"""From what a request says about parameters to the combinations that are executed. Pure.

A value that its parameter does not take by itself is a violation. Values that exclude each other, such as fast >= slow, are no mistake in a
grid: their combination is skipped.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress, islice
from operator import attrgetter
from typing import Any, TypeAlias

import pydantic
from google.protobuf import json_format, struct_pb2

from engine_service.spec_checks import Problems
from engine_service.strategies import ParameterModel, Strategy
from engine_service.sweeps.combinations import Anything, Combination, Grid, Steps, sample
from tapedeck.v1 import engine_service_pb2, sweep_pb2

MAX_COMBINATION_BYTES = 2_048
"""Size of a combination as JSON, at most: 4,096 results, which one message to the store holds, stay below its 16 MiB."""

MAX_STEPS = 1_000_000_000
"""Values of a range with steps: more are as good as any number between its ends."""

VALIDATED_AT_ONCE = 4_096
"""Combinations that are looked at together: a million would take a gigabyte."""

MAX_PROBLEMS = 20
"""Wrong combinations of a list that are named; a status has no room for more."""

Axis: TypeAlias = Sequence[Any] | Anything


@dataclass(frozen=True, slots=True)
class Choice:
    """The combinations of a sweep that can be executed."""

    names: tuple[str, ...]
    """Parameters that vary."""
    candidates: Sequence[Combination]
    places: Sequence[int]
    """Where in `candidates` those are whose values go together, ascending."""
    fixed: Mapping[str, Any]
    """Parameters that do not vary, those that were left out too; but none that follows from one that varies, unless it was given."""
    warm_up: int
    """Sessions of history that the most demanding combination needs."""
    largest_bytes: int
    """Size of the largest combination as JSON."""

    def chosen(self) -> Iterator[Combination]:
        """The combinations at `places`; one by one they would take longer."""
        is_chosen = bytearray(len(self.candidates))
        for place in self.places:
            is_chosen[place] = True
        return compress(self.candidates, is_chosen)

    @property
    def skipped_count(self) -> int:
        """Number of combinations whose values exclude each other."""
        return len(self.candidates) - len(self.places)


class Candidates:
    """The combinations that a request asks for, before anybody has looked whether their values go together."""

    def __init__(self, request: engine_service_pb2.RunSweepRequest, strategy: Strategy, problems: Problems) -> None:
        self._strategy, self._problems = strategy, problems
        self._fixed = _json(request.spec.parameters, "spec.parameters", problems) or {}
        self._candidates: Sequence[Combination] = ()
        self._drawing: tuple[Mapping[str, Axis], int, int] | None = None
        """What `sample` takes."""
        self.count = 0
        """How many there are, however many: an exploding grid has more than a sequence may have."""
        self.names: tuple[str, ...] = ()
        self._kind = str(request.WhichOneof("combinations"))
        if self._kind == "grid":
            self._take_grid(request.grid)
        elif self._kind == "list":
            self._take_list(request.list)
        elif self._kind == "sample":
            self._take_sample(request.sample)
        else:
            problems.add("grid", "one of grid, list and sample must say which parameters vary")
        self._check_fixed()

    def choose(self) -> Choice:
        """Look at every combination; only when nothing is wrong so far and there are not too many of them."""
        candidates = sample(*self._drawing) if self._drawing else self._candidates
        warm_up, places, longest, first, different = self._strategy.warm_up, array("q"), 0, None, set(self.names)
        for begin, part in _parts(candidates):
            valid = list(self._valid(part))
            for place, parameters in valid:
                places.append(begin + place)
                longest = max(longest, warm_up(parameters))
            if valid:
                first = first or valid[0][1]
                different |= _different(first, [parameters for _, parameters in valid])
        if not places:
            self._problems.add(self._kind, "has no combination whose values go together")
        size = _largest_bytes(candidates)
        if size > MAX_COMBINATION_BYTES:
            self._problems.add(self._kind, f"a combination has {size} bytes as JSON, more than {MAX_COMBINATION_BYTES}")
        fixed = first.model_dump(mode="json", exclude=different) if first else {}
        fixed |= {name: value for name, value in self._fixed.items() if name in different}
        return Choice(self.names, candidates, places, fixed, longest, size)

    def _valid(self, part: Sequence[Combination]) -> Iterable[tuple[int, pydantic.BaseModel]]:
        """Those whose values go together, with their places."""
        try:
            return enumerate(validate_all(self._strategy.parameters, [{**self._fixed, **combination} for combination in part]))
        except pydantic.ValidationError as error:
            wrong = {problem["loc"][0] for problem in error.errors(include_url=False, include_context=False, include_input=False)}
        places = [place for place in range(len(part)) if place not in wrong]
        given = [{**self._fixed, **part[place]} for place in places]  # anew: a model may change what it is given
        return zip(places, validate_all(self._strategy.parameters, given), strict=True)

    def _take_grid(self, grid: struct_pb2.Struct) -> None:
        axes = _json(grid, "grid", self._problems)
        if axes == {}:
            self._problems.add("grid", "must name at least one parameter and its values")
        axes = dict(sorted((axes or {}).items()))  # a Struct has no order
        for name, values in axes.items():
            if not isinstance(values, list) or not values:
                self._problems.add(f"grid.{name}", "must be a list of at least one value")
            elif len({json.dumps(value) for value in values}) < len(values):
                self._problems.add(f"grid.{name}", "must not repeat values")
            else:
                self._check_values(f"grid.{name}", name, values)
        if axes and all(isinstance(values, list) for values in axes.values()):
            grid_of = Grid(axes)
            self._candidates, self.count, self.names = grid_of, grid_of.size, tuple(axes)

    def _take_list(self, asked: sweep_pb2.ParameterList) -> None:
        if not asked.combinations:
            self._problems.add("list.combinations", "must have at least one combination")
        listed, wrong = [], 0
        for number, struct in enumerate(asked.combinations):
            field = f"list.combinations[{number}]"
            combination = _json(struct, field, self._problems)
            if combination is None:
                wrong += 1
            else:
                listed.append(combination)
                wrong += self._check_combination(field, combination)
            if wrong >= MAX_PROBLEMS:
                break
        self._candidates, self.count = listed, len(asked.combinations)
        self.names = tuple(sorted({name for each in listed for name in each}))

    def _take_sample(self, asked: sweep_pb2.ParameterSample) -> None:
        if asked.count < 1:
            self._problems.add("sample.count", f"must be 1 or more, not {asked.count}")
        if asked.seed < 0:
            self._problems.add("sample.seed", f"must be 0 or more, not {asked.seed}")
        if not asked.ranges:
            self._problems.add("sample.ranges", "must name at least one parameter and its values")
        axes: dict[str, Axis | None] = {name: self._axis(name, asked.ranges[name]) for name in sorted(asked.ranges)}
        self.names, self.count = tuple(axes), asked.count
        complete = {name: axis for name, axis in axes.items() if axis is not None}
        if complete and len(complete) == len(axes) and asked.count > 0:
            self._drawing = (complete, asked.count, asked.seed)

    def _axis(self, name: str, asked: sweep_pb2.ParameterRange) -> Axis | None:
        """What is drawn for a parameter; None when it is wrong."""
        field = f"sample.ranges.{name}"
        if asked.values:
            said = struct_pb2.Struct(fields={str(place): value for place, value in enumerate(asked.values)})
            values = list((_json(said, field, self._problems) or {}).values())
            self._check_values(field, name, values)
            return values or None
        bounds = asked.minimum, asked.maximum, asked.step
        if not all(map(math.isfinite, bounds)) or asked.maximum < asked.minimum or asked.step < 0:
            self._problems.add(field, "must have values, or a finite minimum, a maximum not below it and a step of 0 or more")
            return None
        is_integer = self._schema(name).get("type") == "integer"
        step = asked.step or (1.0 if is_integer else 0.0)
        if step and (asked.maximum - asked.minimum) / step > MAX_STEPS:
            self._problems.add(field, f"has more than {MAX_STEPS} values: make the step larger")
            return None
        if not step:
            self._check_values(field, name, [asked.minimum, asked.maximum])
            return Anything(asked.minimum, asked.maximum)
        steps = Steps(asked.minimum, asked.maximum, step, is_integer and step == round(step))
        self._check_values(field, name, [steps[0], steps[len(steps) - 1]])
        return steps

    def _schema(self, name: str) -> Mapping[str, Any]:
        properties: Mapping[str, Mapping[str, Any]] = self._strategy.parameters.model_json_schema().get("properties", {})
        return properties.get(name, {})

    def _check_values(self, field: str, name: str, values: Iterable[Any]) -> None:
        """Note the first value that the parameter does not take, whatever the others are."""
        for value in values:
            for problem in self._errors({**self._fixed, name: value}):
                if problem["loc"][:1] == (name,):
                    self._problems.add(field, f"{problem['msg']}{_given(problem['input'])}; ListStrategies describes {self._strategy.name}")
                    return

    def _check_combination(self, field: str, combination: Combination) -> bool:
        """Note what single parameters do not take."""
        found = [problem for problem in self._errors({**self._fixed, **combination}) if problem["loc"]]
        for problem in found:
            name = ".".join(map(str, problem["loc"]))
            if problem["loc"][0] not in self._fixed:
                self._problems.add(f"{field}.{name}", f"{problem['msg']}{_given(problem['input'])}")
        return bool(found)

    def _check_fixed(self) -> None:
        """Parameters that do not vary: those given are fine by themselves, and none that must be given is left out."""
        both = sorted(set(self.names) & self._fixed.keys())
        for name in both:
            self._problems.add(f"spec.parameters.{name}", "varies, so it must not be here too")
        for problem in self._errors(self._fixed):
            if problem["loc"] and problem["loc"][0] not in self.names:
                name = ".".join(map(str, problem["loc"]))
                self._problems.add(f"spec.parameters.{name}", f"{problem['msg']}{_given(problem['input'])}")

    def _errors(self, given: Mapping[str, Any]) -> list[Any]:
        try:
            self._strategy.parameters.model_validate(given)
        except pydantic.ValidationError as error:
            return error.errors(include_url=False, include_context=False)
        return []


def validate_all(model: ParameterModel, given: Sequence[Mapping[str, Any]]) -> list[pydantic.BaseModel]:
    """Parameters of a strategy, from the names and values of each; in one call, which takes half the time of one for each.

    Raises:
        pydantic.ValidationError: with everything that is wrong with any of them; it begins with a place.
    """
    return _list_of(model).validate_python(given)


@cache
def _list_of(model: ParameterModel) -> pydantic.TypeAdapter[list[pydantic.BaseModel]]:
    return pydantic.TypeAdapter(list[model])  # type: ignore[valid-type] # known only now


def _different(first: pydantic.BaseModel, others: Sequence[pydantic.BaseModel]) -> set[str]:
    """Names of the parameters that are not the same in all of them."""
    return {name for name in type(first).model_fields if any(value != getattr(first, name) for value in map(attrgetter(name), others))}


def _parts(candidates: Sequence[Combination]) -> Iterator[tuple[int, Sequence[Combination]]]:
    """All of them, some at a time, with the place of the first."""
    source, begin = iter(candidates), 0
    while part := list(islice(source, VALIDATED_AT_ONCE)):
        yield begin, part
        begin += len(part)


def _largest_bytes(candidates: Sequence[Combination]) -> int:
    """Size of the largest combination as JSON."""
    if isinstance(candidates, Grid):
        return len(json.dumps({name: max(values, key=lambda value: len(json.dumps(value))) for name, values in candidates.axes.items()}))
    return max((len(json.dumps(combination)) for combination in candidates), default=0)


def _json(struct: struct_pb2.Struct, field: str, problems: Problems) -> dict[str, Any] | None:
    """What a Struct says; None when it says something that is no JSON."""
    try:
        return json_format.MessageToDict(struct)
    except (ValueError, json_format.SerializeToJsonError):
        problems.add(field, "must hold finite numbers only")
        return None


def _given(value: object) -> str:
    return f", not {str(value)[:100]}" if isinstance(value, str | int | float | bool) else ""
