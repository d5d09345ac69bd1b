"""numpy and the arrays of blocks. It is loaded when the first block is packed or read, for it takes 0.2 s and 20 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Bytes", "Floats", "Hashes", "Ints", "Mask", "Objects", "Places", "np", "places_of"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints: TypeAlias = NDArray[np.int64]
    Bytes: TypeAlias = NDArray[np.uint8]
    Hashes: TypeAlias = NDArray[np.uint32]
    Mask: TypeAlias = NDArray[np.bool_]
    Places: TypeAlias = NDArray[np.intp]
    Floats: TypeAlias = NDArray[np.float64]
    Objects: TypeAlias = NDArray[np.object_]
else:
    Ints = Bytes = Floats = Hashes = Mask = Objects = Places = Any

    class _Numpy:
        """Stands for the module; what has been asked for once is kept, so that it costs no more than the module's."""

        def __getattr__(self, name: str) -> Any:
            import numpy  # noqa: PLC0415 - this is what the class is for

            value = getattr(numpy, name)
            setattr(self, name, value)
            return value

    np = _Numpy()


def places_of(keys: Ints) -> tuple[Ints, Ints]:
    """Return the different ones of some keys, rising, and which of these each is: np.unique, mostly without sorting."""
    if not len(keys):
        return keys, keys
    least = int(keys.min())
    width = int(keys.max()) - least + 1
    if width > 4 * len(keys) + 1_000:
        found, places = np.unique(keys, return_inverse=True)
        return found, places
    is_there = np.zeros(width, bool)
    is_there[keys - least] = True
    found = np.flatnonzero(is_there)
    return found + least, (np.cumsum(is_there) - 1)[keys - least]
