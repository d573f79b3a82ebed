"""Attention in loops: one example, one head, one query at a time; and rotary positions by complex numbers."""

import numpy as np


def attended(params, x, memory, heads, key_heads=None, causal=False, mask=None, base=None):
    """y (N, T, D) of queries x (N, T, D) and memory (N, S, M); mask (N, T, S), True where a query may look."""
    key_heads = heads if key_heads is None else key_heads
    d = x.shape[2] // heads
    y = np.empty_like(x)
    for n in range(len(x)):
        q, k, v = (
            own @ p.weight + getattr(p, "bias", 0) for own, p in zip((x[n], memory[n], memory[n]), params, strict=False)
        )
        o = np.zeros_like(x[n])
        for h in range(heads):
            g = h // (heads // key_heads)
            mine, shared = slice(h * d, (h + 1) * d), slice(g * d, (g + 1) * d)
            for t in range(x.shape[1]):
                seen = [s for s in range(memory.shape[1]) if (s <= t or not causal) and (mask is None or mask[n, t, s])]
                scores = [float(turned(q[t, mine], t, base) @ turned(k[s, shared], s, base)) / np.sqrt(d) for s in seen]
                total = sum(np.exp(score) for score in scores)
                for s, score in zip(seen, scores, strict=True):
                    o[t, mine] += np.exp(score) / total * v[s, shared]
        y[n] = o @ params.output.weight + getattr(params.output, "bias", 0)
    return y


def turned(a, step, base):
    """Features i and i + d/2 as one complex number, turned by `step` / baseᐟ^(2i/d)."""
    if base is None:
        return a
    half = len(a) // 2
    angles = [step / base ** (2 * i / len(a)) for i in range(half)]
    z = (a[:half] + 1j * a[half:]) * np.exp(1j * np.array(angles))
    return np.concatenate([z.real, z.imag])
