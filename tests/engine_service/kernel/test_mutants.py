"""Break any rule of the kernel, and the corpus notices."""

from __future__ import annotations

import pytest

from tests.fix_parity import Corpus
from tests.parity.comparison import Kernel, Refused, difference
from tests.parity.mutants import BROKEN_RULES, BrokenRule, NoSuchRule, copy_kernel

pytestmark = pytest.mark.usefixtures("quiet")


def notices(corpus: Corpus, kernel: Kernel) -> bool:
    """Whether a case of the corpus, taken until one does, shows a difference; a kernel that breaks down is different too."""
    for name, case in corpus.cases.items():
        try:
            if difference(case, corpus.told(name), kernel):
                return True
        except (Refused, ArithmeticError, LookupError, ValueError):
            return True
    return False


def test_the_kernel_as_it_is_written_is_equal_on_the_whole_corpus(corpus: Corpus) -> None:
    assert not notices(corpus, copy_kernel())


@pytest.mark.parametrize("breaking", BROKEN_RULES, ids=[rule.what for rule in BROKEN_RULES])
def test_a_broken_rule_is_noticed(corpus: Corpus, breaking: BrokenRule) -> None:
    assert notices(corpus, copy_kernel(breaking))


def test_a_rule_that_is_written_otherwise_now_has_to_be_broken_otherwise() -> None:
    with pytest.raises(NoSuchRule, match="orders: 'no such text' occurs 0 times"):
        copy_kernel(BrokenRule("nothing", "orders", "no such text", ""))
