"""What people write, read from files: the one package that knows YAML, JSON Schema and the layout of folders."""
