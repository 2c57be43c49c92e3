"""NACA again, slow and obvious: dense arrays, one tick after the other, written from the formulas alone.

Classification as published: hidden layers are credited with the gain of the expected class at the last
tick, the output layer with its error at every tick, and the potential of the tick before reaches the gradient
through the reset alone; all layers step at the end of a batch. A graded network is one tick of ``tanh`` and
``sigmoid``.
"""

import math

import numpy as np


def first_row(n_classes):
    """r(k) = trunc(2 (C - 1) sqrt(ln(C / (k + 1)) / ln C))."""
    c = n_classes
    return [math.trunc(2 * (c - 1) * math.sqrt(math.log(c / i) / math.log(c))) for i in range(1, c + 1)]


def phi(nu, lam=0.5, m=1.2):
    """Gain of one level, phase by phase."""
    if nu <= lam / 2:
        return m - (m - 1) * (4 * nu - lam) ** 2 / lam**2
    if nu <= lam:
        return 4 * (nu - lam) ** 2 / lam**2
    if nu <= 3 * lam / 2:
        return -4 * (lam - nu) ** 2 / lam**2
    return (m - 1) * (4 * (2 * lam - nu) - lam) ** 2 / lam**2 - m


def gains(table):
    """Gain of each class and neuron, (C, n), from a table of 2 C rows of levels."""
    rows = first_row(len(table) // 2)
    return np.array([[phi(nu) for nu in (table[r] + table[r + 1]) / 2] for r in rows])


class SGD:
    def __init__(self, lr):
        self.lr = lr

    def step(self, w, g):
        w -= self.lr * g


class Adam:
    """As ``torch.optim.Adam`` computes it, for one parameter."""

    def __init__(self, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.lr, self.beta_1, self.beta_2, self.epsilon = lr, beta_1, beta_2, epsilon
        self.m = self.u = 0.0
        self.t = 0

    def step(self, w, g):
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * g
        self.u = self.beta_2 * self.u + (1 - self.beta_2) * g * g
        m_hat, u_hat = self.m / (1 - self.beta_1**self.t), self.u / (1 - self.beta_2**self.t)
        w -= self.lr * m_hat / (np.sqrt(u_hat) + self.epsilon)


class DenseNaca:
    """``weights`` (n_pre, n_post) and ``biases`` of each layer; ``gains`` (C, n_post) of the hidden ones."""

    def __init__(self, weights, biases, gains, optimiser=lambda: SGD(5e-4), *, graded=False, dtype=np.float64,
                 rho=0.2, v_thresh=0.5, lens=0.5):  # fmt: skip
        self.weights = [w.astype(dtype) for w in weights]
        self.biases = [b.astype(dtype) for b in biases]
        self.gains = [g.astype(dtype) for g in gains]
        self.optimisers = [(optimiser(), optimiser()) for _ in weights]
        self.graded, self.dtype = graded, dtype
        self.rho, self.v_thresh, self.level = dtype(rho), dtype(v_thresh), dtype(v_thresh - lens)

    def layer(self, k, x):
        """Potentials and outputs (B, T, n) of layer k for its input (B, T, n_pre)."""
        current = x.astype(self.dtype) @ self.weights[k] + self.biases[k]
        if self.graded:
            last = k == len(self.weights) - 1
            return current, 1 / (1 + np.exp(-current)) if last else np.tanh(current)
        v, s = np.zeros_like(current), np.zeros_like(current)
        v_before = s_before = np.zeros_like(current[:, 0])
        for t in range(x.shape[1]):
            v[:, t] = self.rho * v_before * (1 - s_before) + current[:, t]
            s[:, t] = v[:, t] > self.v_thresh
            v_before, s_before = v[:, t], s[:, t]
        return v, s

    def forward(self, x):
        """Inputs, potentials and outputs of each layer."""
        found = []
        for k in range(len(self.weights)):
            v, s = self.layer(k, x)
            found.append((x, v, s))
            x = s
        return found

    def local_factor(self, k, v, s):
        """What replaces dS/dV: [V > v_thresh - lens] - S before, or the slope of the activation."""
        if self.graded:
            return s * (1 - s) if k == len(self.weights) - 1 else 1 - s * s
        before = np.concatenate([np.zeros_like(s[:, :1]), s[:, :-1]], axis=1)
        return (v > self.level) - before

    def credit(self, k, v, s, labels):
        """a_t = dL / dV_t (B, T, n)."""
        n_batch, n_ticks, n = s.shape
        signal = np.zeros_like(s)
        if k == len(self.weights) - 1:
            error = s.mean(axis=1) - np.eye(n)[labels]
            signal[:] = (2 * error / (n_ticks * n_batch * n))[:, None]
        else:
            signal[:, -1] = self.gains[k][labels]
        factor, a, later = self.local_factor(k, v, s), np.zeros_like(s), np.zeros_like(s[:, 0])
        for t in reversed(range(n_ticks)):
            reset = 0 if self.graded else -self.rho * v[:, t]
            later = a[:, t] = (signal[:, t] + later * reset) * factor[:, t]
        return a

    def learn(self, x, labels):
        """Take one batch; returns the outputs of each layer before the step, (B, T, n)."""
        found = self.forward(x)
        for k, (inputs, v, s) in enumerate(found):
            a = self.credit(k, v, s, labels)
            step_weights, step_bias = self.optimisers[k]
            step_weights.step(self.weights[k], np.einsum("bti,btj->ij", inputs.astype(self.dtype), a))
            step_bias.step(self.biases[k], a.sum(axis=(0, 1)))
        return [s for _, _, s in found]
