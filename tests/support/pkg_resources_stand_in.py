"""Loaded by pytest before any other plugin: gives pytest-tornado the one function it wants.

pytest-tornado 0.8.1 imports ``pkg_resources`` to compare pytest's version. setuptools 82 no longer ships
that module, and where it still does, importing it warns; both end a run that treats warnings as errors.
"""

import sys
import types

from packaging.version import Version

stand_in = types.ModuleType("pkg_resources")
setattr(stand_in, "parse_version", Version)  # noqa: B010
sys.modules["pkg_resources"] = stand_in
