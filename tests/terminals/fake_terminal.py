"""The scripted terminal, which the package has for its measurements."""

from __future__ import annotations

from leaptui.bench.fake_terminal import IN_BAND_SIZE, PIXEL_MOUSE, PROFILES, SYNC, FakeTerminal, Profile, without

__all__ = ["IN_BAND_SIZE", "PIXEL_MOUSE", "PROFILES", "SYNC", "FakeTerminal", "Profile", "without"]
