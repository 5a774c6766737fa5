"""The command line: requests from flags, results to stdout, words and progress to stderr.

- `main`: which command, errors to exit codes.
- `build`: flags from a Request's fields, by tyro.
- `commands`: the commands that are operations; `run_commands`: those about runs; `demo`.
- `output`: the only module that prints; `progress`: live progress of a run or of work done here.
"""
