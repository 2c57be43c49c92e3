"""Connection rules between populations whose neurons lie on grids: 2-D convolution and average pooling.

Neuron ``(y, x, c)`` of a grid of shape ``(height, width, channels)`` has the number ``(y * width + x) * channels + c``:
arrays of such shapes, raveled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DescriptionError
from .checks import shown
from .connectivity import Constant, Explicit

Array = np.ndarray[Any, Any]


def _pair(value: Any) -> tuple[int, int]:
    """Return one number for both axes, or two, as a pair."""
    y, x = np.broadcast_to(np.asarray(value), 2).tolist()
    return int(y), int(x)


def _taps(n: int, size: int, stride: int, padding: int) -> tuple[Array, Array]:
    """Position in the input of each tap of each output, along one axis [output, tap], and which of them exist."""
    out = (n + 2 * padding - size) // stride + 1
    at = np.arange(out)[:, None] * stride + np.arange(size) - padding
    return at, (at >= 0) & (at < n)


def _whole(name: str, value: Any, n: tuple[int, ...], least: int) -> str | None:
    """Return why a parameter is not whole numbers of at least ``least``, as many as one of ``n``, or None."""
    numbers = _numbers(value)
    wrong = numbers.dtype.kind not in "iu" or numbers.size not in n or numbers.ndim > 1
    if wrong or np.any(numbers < least) or np.any(numbers > 2**31):
        return f"{name} must be {' or '.join(map(str, n))} whole numbers >= {least}, got {shown(value)}"
    return None


def _refuse(rule: Explicit, problem: str | None) -> None:
    if problem:
        raise DescriptionError(f"{type(rule).__name__}: {problem}")


def _numbers(value: Any) -> Array:
    """Return an array, of objects where a value is none."""
    try:
        return np.asarray(value)
    except Exception:  # a ragged list, a strange object
        return np.asarray(None)


@dataclass(frozen=True, eq=False)
class Conv2D(Explicit):
    r"""2-D convolution with shared weights, as in deep learning (a cross-correlation).

    .. math:: w_{(y, x, c) \to (y', x', c')} = w \, K_{y - s y' + p,\; x - s x' + p,\; c,\; c'}

    Parameters
    ----------
    kernel : float array, (k_height, k_width, channels_in, channels_out)
        in the receptor's unit; the projection's ``weight``, one number :math:`w`, is a factor
    shape : (int, int, int)
        height, width and channels of the pre population's grid; neurons are numbered channels last
    stride, padding : int or (int, int)
        :math:`s` and :math:`p`; padding is silent, and adds no synapses

    Notes
    -----
    Shared weights are expanded to synapses: one for each tap of each post neuron that lies on the grid, zeros
    included. They are ordered by post neuron, then by the kernel's first three axes; arrays of delays follow this
    order. The post population has the shape :attr:`out_shape`. Where synapses learn, those of a kernel's element keep
    one weight, see :class:`.SharedWeights`; with the projection's ``sharing=False`` each has its own.
    """

    kernel: Any
    shape: tuple[int, int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the post population's grid."""
        _refuse(self, self._problem())
        (h, w, _), (kh, kw, _, n_out) = self.shape, np.shape(self.kernel)
        (sy, sx), (py, px) = _pair(self.stride), _pair(self.padding)
        return (h + 2 * py - kh) // sy + 1, (w + 2 * px - kw) // sx + 1, n_out

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return self._problem() or _check_sizes(self.shape, self.out_shape, n_pre, n_post)

    def _problem(self) -> str | None:
        """Return what is wrong whatever the populations, or None."""
        kernel = _numbers(self.kernel)
        problem = (
            _whole("shape", self.shape, (3,), 1)
            or _whole("stride", self.stride, (1, 2), 1)
            or _whole("padding", self.padding, (1, 2), 0)
        )
        if problem:
            return problem
        if (
            kernel.ndim != 4
            or kernel.dtype.kind not in "fiu"
            or 0 in kernel.shape
            or not np.all(np.isfinite(kernel))
        ):
            return f"kernel must be finite numbers of shape (k_height, k_width, in, out), got {shown(kernel)}"
        if kernel.shape[2] != self.shape[2]:
            return f"kernel must have {self.shape[2]} channels_in, as shape has, got {kernel.shape[2]}"
        return None

    def expected(self, n_pre: int, n_post: int) -> float:
        (_, on_y), (_, on_x) = self._axes()
        return float(on_y.sum() * on_x.sum() * self.shape[2] * np.shape(self.kernel)[3])

    def _axes(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        kh, kw = np.shape(self.kernel)[:2]
        (sy, sx), (py, px) = _pair(self.stride), _pair(self.padding)
        return _taps(self.shape[0], kh, sy, py), _taps(self.shape[1], kw, sx, px)

    def _expanded(self) -> tuple[Array, Array, Array]:
        """Pre, post and number of the kernel's element of each synapse."""
        (y, on_y), (x, on_x) = self._axes()
        kernel, (_, width, n_in) = np.asarray(self.kernel), self.shape
        oh, ow, n_out = self.out_shape
        # axes: y', x', c', tap in y, tap in x, c
        full = (oh, ow, n_out, *kernel.shape[:3])
        cell = y[:, None, None, :, None, None] * width + x[None, :, None, None, :, None]
        pre = np.broadcast_to(cell * n_in + np.arange(n_in), full)
        post = np.broadcast_to(np.arange(oh * ow * n_out).reshape(oh, ow, n_out, 1, 1, 1), full)
        element = np.broadcast_to(np.arange(kernel.size).reshape(kernel.shape).transpose(3, 0, 1, 2), full)
        on = np.broadcast_to(on_y[:, None, None, :, None, None] & on_x[None, :, None, None, :, None], full)
        return pre[on], post[on], element[on]

    def pairs(self) -> tuple[Array, Array]:
        pre, post, _ = self._expanded()
        return pre, post

    @property
    def shared_shape(self) -> tuple[int, ...]:
        """Shape of the kernel."""
        return np.shape(self.kernel)

    def elements(self, pre: Array, post: Array) -> Array:
        kh, kw, n_in, n_out = np.shape(self.kernel)
        (sy, sx), (py, px) = _pair(self.stride), _pair(self.padding)
        (y, x), c = divmod(pre // n_in, self.shape[1]), pre % n_in
        (y_out, x_out), c_out = divmod(post // n_out, self.out_shape[1]), post % n_out
        at = y - sy * y_out + py, x - sx * x_out + px, c, c_out
        return np.asarray(np.ravel_multi_index(at, (kh, kw, n_in, n_out)))

    def weights(self, factor: float) -> Array:
        return np.asarray(self.kernel, np.float64).ravel()[self._expanded()[2]] * factor


@dataclass(frozen=True, eq=False)
class AvgPool2D(Explicit):
    r"""Average over windows, channel by channel: all weights are :math:`w / (k_{height} k_{width})`.

    Parameters
    ----------
    shape : (int, int, int)
        height, width and channels of the pre population's grid; neurons are numbered channels last
    size : int or (int, int)
        :math:`k`, of a window
    stride : int or (int, int), optional
        by default ``size``

    Notes
    -----
    Expanded to synapses whose one weight is stored once; the projection's ``weight``, one number :math:`w`, is a
    factor. Ordered by post neuron, then by (y, x). Windows that would reach beyond the grid are left out. The post
    population has the shape :attr:`out_shape`. Where synapses learn, all keep one weight, see :class:`.SharedWeights`.
    """

    shape: tuple[int, int, int]
    size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None

    def _axes(self) -> tuple[Array, Array]:
        (ky, kx), (sy, sx) = _pair(self.size), _pair(self.size if self.stride is None else self.stride)
        return _taps(self.shape[0], ky, sy, 0)[0], _taps(self.shape[1], kx, sx, 0)[0]

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the post population's grid."""
        _refuse(self, self._problem())
        (h, w, n), (ky, kx) = self.shape, _pair(self.size)
        sy, sx = _pair(self.size if self.stride is None else self.stride)
        return (h - ky) // sy + 1, (w - kx) // sx + 1, n

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return self._problem() or _check_sizes(self.shape, self.out_shape, n_pre, n_post)

    def _problem(self) -> str | None:
        """Return what is wrong whatever the populations, or None."""
        problem = _whole("shape", self.shape, (3,), 1) or _whole("size", self.size, (1, 2), 1)
        if problem is None and self.stride is not None:
            problem = _whole("stride", self.stride, (1, 2), 1)
        return problem

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_post) * float(np.prod(_pair(self.size)))

    def pairs(self) -> tuple[Array, Array]:
        (y, x), (_, width, n) = self._axes(), self.shape
        oh, ow, _ = self.out_shape
        full = (oh, ow, n, *_pair(self.size))
        cell = y[:, None, None, :, None] * width + x[None, :, None, None, :]
        pre = np.broadcast_to(cell * n + np.arange(n)[:, None, None], full)
        post = np.broadcast_to(np.arange(oh * ow * n).reshape(oh, ow, n, 1, 1), full)
        return pre.ravel(), post.ravel()

    @property
    def shared_shape(self) -> tuple[int, ...]:
        """There is one weight."""
        return ()

    def elements(self, pre: Array, post: Array) -> Array:
        return np.zeros(len(pre), np.int64)

    def weights(self, factor: float) -> Constant:
        return Constant(factor / float(np.prod(_pair(self.size))))


def _check_sizes(
    shape: tuple[int, int, int], out_shape: tuple[int, int, int], n_pre: int, n_post: int
) -> str | None:
    if min(out_shape) < 1:
        return f"shape must be large enough for one window, got {tuple(shape)}"
    if np.prod(shape) != n_pre:
        return f"shape must hold {n_pre} neurons, the pre population's size, got {tuple(shape)}"
    if np.prod(out_shape) != n_post:
        return f"the post population must have {np.prod(out_shape)} neurons, {out_shape}, got {n_post}"
    return None
