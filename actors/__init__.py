"""The actors of Fanwire: asyncio and Pykka, no network library. The edge that feeds them is ``server``."""
