"""What stands behind each operation: `run(request, context) -> Result`, one module each.

Runners are named by strings in `leaptui.ops.table` and resolved where they run: in a detached worker, or in
the process of the command line or of the app for what is quick. They tie project, media, formats, networks
and analysis together; nothing imports them.
"""
