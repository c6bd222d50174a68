"""The command line: one file per command, which reads options, calls one function and prints results."""
