"""Operations: everything leaptui can do, as a Request, a Result and the name of a runner.

- `requests`: fields with help, ranges and choices; from them come flags, forms and JSON.
- `table`: the operations by name.
- `submit`: start an operation as a run, or perform it here.
- one module per operation: its Request, its Result, and what can be checked before anything starts.

Nothing here imports torch; runners are named by strings and resolved where they run.
"""
