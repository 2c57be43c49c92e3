"""Taking a run away: what a store holds, in the formats of other programs."""

from .export import FORMATS, export
from .neo_block import to_neo
from .nwb_file import to_nwb
from .parquet import to_parquet
from .pynapple_groups import to_pynapple
from .sonata import to_sonata

__all__ = ["FORMATS", "export", "to_neo", "to_nwb", "to_parquet", "to_pynapple", "to_sonata"]
