"""One screen a module, each with its style sheet in `styles/`; the app imports them when they are opened."""
