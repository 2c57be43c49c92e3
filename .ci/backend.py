"""The build backend: setuptools', which finds what else a source distribution holds in ``.ci/sources.in``.

Setuptools looks for that list in a ``MANIFEST.in`` at the top level and has no setting for another place.
"""

from setuptools.build_meta import *
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".ci/sources.in"
