"""The Textual app.

- `app`: the app itself; `session`: what is open; `services`: how screens reach operations and runs.
- `keymap`: every key, once; footer, help and command palette are made from it.
- `theme`, `styles`: colours, and where the style sheets are.
- `run_picture`, `run_reading`: a run as screens show it, and how it is read; `errand`: an operation a screen
  waits for.
- `form_values`: text in a form to the values of a Request, and to the command line that does the same.
- `screens/`: one screen a file; `widgets/`: what they are made of. Screens are imported when opened.

Screens never call each other: they post a message of `messages`, and the app opens what it asks for.
"""
