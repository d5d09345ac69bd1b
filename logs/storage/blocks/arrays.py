"""numpy and the arrays of blocks. It is loaded when the first block is packed or read, for it takes 0.2 s and 20 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Bytes", "Floats", "Hashes", "Ints", "Mask", "Objects", "Places", "np"]

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
