"""What people see: messages of the contract in, Rich renderables out. Pure: nothing here prints, asks or remembers."""
