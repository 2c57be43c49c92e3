"""What the linear nodes of a NIR graph do to spikes: one sparse matrix for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array, identity

from ..errors import DescriptionError

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def matrix_of(name: str, node: Any, shape: Shape) -> tuple[csr_array, Array | None, Shape]:
    """Return a linear node as a matrix, what it adds to its output, and the shape of its output.

    Parameters
    ----------
    name, node
        of the graph
    shape : tuple of int
        of its input, channels first

    Returns
    -------
    csr_array, (n_out, n_in); array of float, (n_out,), or None; tuple of int
    """
    kind = type(node).__name__
    n = int(np.prod(shape))
    if kind == "Flatten":
        return csr_array(identity(n, format="csr")), None, (n,)
    if kind == "Scale":
        return csr_array(diags_array(np.broadcast_to(node.scale, shape).ravel())), None, shape
    if kind in ("Affine", "Linear"):
        weight = np.asarray(node.weight, np.float64)
        if weight.ndim != 2 or weight.shape[1] != n:
            raise DescriptionError(f"NIR node {name!r}: weight must have shape (n, {n}), got {weight.shape}")
        bias = (
            None if kind == "Linear" else np.broadcast_to(np.asarray(node.bias, np.float64), weight.shape[:1])
        )
        return csr_array(weight), bias, (weight.shape[0],)
    if kind == "Conv2d":
        return _convolution(name, node, shape)
    return _pool(name, node, shape, mean=kind == "AvgPool2d")


def _pair(value: Any) -> tuple[int, int]:
    both = np.broadcast_to(np.asarray(value, np.int64), (2,))
    return int(both[0]), int(both[1])


def _convolution(name: str, node: Any, shape: Shape) -> tuple[csr_array, Array, Shape]:
    weight = np.asarray(node.weight, np.float64)
    n_out, per_group, *size = weight.shape
    if len(shape) != 3 or shape[0] != per_group * node.groups:
        raise DescriptionError(
            f"NIR node {name!r}: input must have {per_group * node.groups} channels of two dimensions, got {shape}"
        )
    stride, dilation = _pair(node.stride), _pair(node.dilation)
    reach = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
    if isinstance(node.padding, str):
        before = [r // 2 if node.padding == "same" else 0 for r in reach]
        after = [r - b if node.padding == "same" else 0 for r, b in zip(reach, before, strict=True)]
    else:
        before = after = list(_pair(node.padding))
    out = tuple((shape[1 + k] + before[k] + after[k] - reach[k] - 1) // stride[k] + 1 for k in (0, 1))
    rows, columns, values = [], [], []
    for ky, kx in np.ndindex(*size):
        read, served = _served((ky * dilation[0], kx * dilation[1]), shape, out, stride, before)
        for c_out, c in np.ndindex(n_out, per_group):
            first = c_out // (n_out // node.groups) * per_group
            rows.append(c_out * out[0] * out[1] + served)
            columns.append((first + c) * shape[1] * shape[2] + read)
            values.append(np.full(len(read), weight[c_out, c, ky, kx]))
    bias = np.repeat(np.broadcast_to(np.asarray(node.bias, np.float64), (n_out,)), out[0] * out[1])
    return _gathered(rows, columns, values, (n_out, *out), shape), bias, (n_out, *out)


def _pool(name: str, node: Any, shape: Shape, mean: bool) -> tuple[csr_array, None, Shape]:
    if len(shape) != 3:
        raise DescriptionError(f"NIR node {name!r}: input must have channels of two dimensions, got {shape}")
    size, stride, padding = _pair(node.kernel_size), _pair(node.stride), _pair(node.padding)
    out = tuple((shape[1 + k] + 2 * padding[k] - size[k]) // stride[k] + 1 for k in (0, 1))
    share = 1.0 / (size[0] * size[1]) if mean else 1.0
    rows, columns, values = [], [], []
    for tap in np.ndindex(*size):
        read, served = _served(tap, shape, out, stride, padding)
        for c in range(shape[0]):
            rows.append(c * out[0] * out[1] + served)
            columns.append(c * shape[1] * shape[2] + read)
            values.append(np.full(len(read), share))
    return _gathered(rows, columns, values, (shape[0], *out), shape), None, (shape[0], *out)


def _served(
    tap: Sequence[int], shape: Shape, out: Shape, stride: Sequence[int], before: Sequence[int]
) -> tuple[Array, Array]:
    """Return the places of one channel that a tap reads, and those of the output that it serves; none off the grid."""
    y_out, x_out = np.divmod(np.arange(out[0] * out[1]), out[1])
    y, x = y_out * stride[0] + tap[0] - before[0], x_out * stride[1] + tap[1] - before[1]
    there = np.flatnonzero((y >= 0) & (y < shape[1]) & (x >= 0) & (x < shape[2]))
    return y[there] * shape[2] + x[there], there


def _gathered(rows: Any, columns: Any, values: Any, out: Shape, shape: Shape) -> csr_array:
    parts = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return csr_array(coo_array(parts, shape=(int(np.prod(out)), int(np.prod(shape)))))
