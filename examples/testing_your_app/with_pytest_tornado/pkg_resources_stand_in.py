"""pytest-tornado 0.8.1 wants ``pkg_resources`` for one function. setuptools 82 has it no more, and older ones warn."""

import sys
import types

from packaging.version import Version

sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
sys.modules["pkg_resources"].parse_version = Version
