"""Muon for the inner matrices (Jordan et al., 2024) beside AdamW for everything else.

A small model on a CPU is short of steps, not of arithmetic a step: orthogonalized momentum needs far fewer of them."""
from collections import defaultdict

import torch


def orthogonalized(g, steps=5):
    """Newton-Schulz on a stack [K, R, C]: about the nearest matrix with all singular values one."""
    a, b, c = 3.4445, -4.7750, 2.0315
    turned = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if turned else g
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(steps):
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * s @ s) @ x
    return x.transpose(1, 2) if turned else x


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                by_shape[p.shape].append((p, p.grad.lerp(state["momentum"], group["momentum"])))
            for (rows, columns), pairs in by_shape.items():
                updates = orthogonalized(torch.stack([u for _, u in pairs])) * max(1, rows / columns) ** 0.5
                for (p, _), update in zip(pairs, updates):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])
