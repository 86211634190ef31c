"""The command line: parse, call one function, render one report, exit. Heavy modules are imported inside commands."""
