"""One batch of the published class-continual networks, slow and obvious: dense arrays, from the formulas alone."""

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def batch_gate(x, n, margin=0.2):
    """Nearest-neighbour resize of the mean image to n units, then a steep logistic just below its maximum."""
    u = x.mean(axis=0)
    u = np.array([u[j * len(u) // n] for j in range(n)])
    with np.errstate(over="ignore"):
        return logistic(1000 * (u - (u.max() - margin)))


class DenseSpiking:
    """``hidden`` (d, n), ``output`` (n, C), ``bias`` (C,); ``gains`` (C, n)."""

    def __init__(self, hidden, output, bias, gains, rho=0.2, theta=0.5, lens=0.2):
        self.w, self.wo, self.bo = (p.astype(np.float64) for p in (hidden, output, bias))
        self.gains, self.rho, self.theta, self.lens = gains, rho, theta, lens

    def layer(self, current, gate):
        """Currents (B, T, n) to potentials and gated spikes."""
        i = logistic(current)
        v, s = np.zeros_like(i), np.zeros_like(i)
        v_before = s_before = np.zeros_like(i[:, 0])
        for t in range(i.shape[1]):
            v[:, t] = self.rho * v_before * (1 - s_before) + i[:, t]
            s[:, t] = (v[:, t] > self.theta) * gate
            v_before, s_before = v[:, t], s[:, t]
        return i, v, s

    def forward(self, spikes, gate):
        i, v, s = self.layer(spikes @ self.w, gate)
        io, vo, so = self.layer(s @ self.wo + self.bo, 1.0)
        return (i, v, s), (io, vo, so), so.mean(axis=1)

    def credit(self, i, v, s, gate, signal):
        """dL/d(current) for signal = dL/dS (B, T, n), by the chain rule over all paths."""
        n_ticks = s.shape[1]
        out, a = np.zeros_like(s), np.zeros_like(s[:, 0])
        for t in reversed(range(n_ticks)):
            before = s[:, t - 1] if t else np.zeros_like(s[:, 0])
            delta = (v[:, t] > self.theta - self.lens) * 1.0 - before
            d_s = signal[:, t] - self.rho * v[:, t] * a
            a = d_s * gate * delta + self.rho * (1 - s[:, t]) * a
            out[:, t] = a * i[:, t] * (1 - i[:, t])
        return out

    def gradients(self, spikes, y, gate, rule):
        """``rule``: naca, frozen, sgd or ewc."""
        first, last, rates = self.forward(spikes, gate)
        n_batch, n_ticks, _ = spikes.shape
        c = len(self.bo)
        target = np.eye(c)[y]
        signal = np.zeros_like(last[2])
        if rule in ("naca", "frozen"):
            signal[:, -1] = rates - target
        elif rule == "sgd":
            signal[:] = (2 * (rates - target) / (n_batch * c * n_ticks))[:, None]
        else:
            p = np.exp(rates) / np.exp(rates).sum(axis=1, keepdims=True)
            signal[:] = ((p - target) / (n_batch * n_ticks))[:, None]
        a = self.credit(*last, 1.0, signal)
        found = {"output": np.einsum("btj,btc->jc", first[2], a), "bias": a.sum(axis=(0, 1))}
        if rule == "naca":
            hidden = np.zeros_like(first[2])
            hidden[:, -1] = self.gains[y]
        else:
            hidden = a @ self.wo.T
        if rule != "frozen":
            found["hidden"] = np.einsum("bti,btj->ij", spikes, self.credit(*first, gate, hidden))
        return found


class DenseGraded:
    def __init__(self, hidden, output, gains):
        self.w, self.wo, self.gains = hidden, output, gains

    def gradients(self, x, y, gate, rule):
        h = logistic(x @ self.w)
        o = logistic((h * gate) @ self.wo)
        e = (o - np.eye(o.shape[1])[y]) * (1 if rule == "naca" else 2 / o.size)
        signal = self.gains[y] if rule == "naca" else (e * o * (1 - o)) @ self.wo.T
        return {"output": (h * gate).T @ (e * o * (1 - o)), "hidden": x.T @ (signal * gate * h * (1 - h))}
