"""The servers that Fanwire is compared with, each the smallest program that its users would write."""

__all__: list[str] = []
