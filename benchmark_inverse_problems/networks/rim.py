"""Recurrent inference machines."""

import torch
from torch import nn
from torch.nn.functional import pad, softplus

from ..support.checks import check_known

STEPS = 10
WIDTH = 64
HIDDEN = 96
# The logistic function reaches 0 and 1 only at infinity. A start keeps this distance.
MARGIN = 0.01
VARIANTS = ("rim", "gdn", "ffn")


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are 3x3 convolutions.

    Cho et al., EMNLP 2014; convolutional as in Ballas et al., ICLR 2016.
    """

    def __init__(self, inputs, hidden):
        super().__init__()
        self.inputs = nn.Conv2d(inputs, 3 * hidden, 3, padding=1)
        self.gates = nn.Conv2d(hidden, 2 * hidden, 3, padding=1, bias=False)
        self.candidate = nn.Conv2d(hidden, hidden, 3, padding=1, bias=False)

    def forward(self, x, state):
        inputs, candidate = self.inputs(x).split(
            (2 * state.shape[1], state.shape[1]), 1
        )
        reset, update = (inputs + self.gates(state)).sigmoid().chunk(2, 1)
        candidate = (candidate + self.candidate(reset * state)).tanh()
        return state + update * (candidate - state)


class RIM(nn.Module):
    """A recurrent network that learns to descend on log p(y | x) + log p(x).

    Putzky and Welling, "Recurrent Inference Machines for Solving Inverse Problems",
    2017 (arXiv 1706.04008). With x = logistic(eta), t = 1, 2, ...:

        g_t = d/d eta |A x_t - y|^2 / (2 (sigma^2 + epsilon))
        step_t, s_{t+1} = h(g_t, eta_t, s_t)
        eta_{t+1} = eta_t + step_t

    epsilon is the softplus of a learned number. h is a strided convolution, a
    convolutional GRU at half resolution, a transposed convolution and a last
    convolution. The paper's batch normalisation is left out, because one set of
    statistics cannot fit all steps. A acts on all channels of an image together, and h
    acts on each channel alone. One network thus serves any number of channels.

    Parameters
    ----------
    variant : {"rim", "gdn", "ffn"}
        "gdn" and "ffn" are the paper's reductions. The gradient descent network does
        not see eta. The feed-forward network has no state: convolutions replace the
        GRU.
    width, hidden : int
        Features outside the state, and of the state.

    Raises
    ------
    ValueError
        If the variant is not known.
    """

    def __init__(self, variant="rim", width=WIDTH, hidden=HIDDEN):
        super().__init__()
        check_known("variant", variant, VARIANTS)
        self.variant = variant
        self.hidden = hidden
        self.log_epsilon = nn.Parameter(torch.tensor(-5.0))
        inputs = 1 if variant == "gdn" else 2
        self.encode = nn.Conv2d(inputs, width, 3, stride=2, padding=1)
        if variant == "ffn":
            # About as many parameters as the GRU.
            self.recurrent = nn.Sequential(
                nn.Conv2d(width, 3 * hidden, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(3 * hidden, hidden, 3, padding=1),
                nn.ReLU(),
            )
        else:
            self.recurrent = ConvGRU(width, hidden)
        self.decode = nn.ConvTranspose2d(hidden, width, 4, stride=2, padding=1)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, descent, eta, state, sigma):
        """One step of the recurrence.

        Parameters
        ----------
        descent : tensor (B, C, H, W)
            A^T (A x - y) at x = logistic(eta).
        eta : tensor (B, C, H, W)
        state : tensor or None
            None before the first step.
        sigma : tensor
            Noise level, one number for the batch or (B, 1, 1, 1).

        Returns
        -------
        step : tensor (B, C, H, W)
            What is added to eta, in float32.
        state : tensor or None
            The next state; None for "ffn".
        """
        batch, channels, height, width = eta.shape
        gradient = self.gradient(descent, eta, sigma)
        seen = [gradient] if self.variant == "gdn" else [gradient, eta]
        seen = torch.stack(seen, 2).flatten(0, 1)
        seen = pad(seen, (0, width % 2, 0, height % 2), mode="replicate")
        features = self.encode(
            seen.contiguous(memory_format=torch.channels_last)
        ).tanh()
        if self.variant == "ffn":
            hidden = self.recurrent(features)
        else:
            if state is None:
                state = features.new_zeros(
                    features.shape[0], self.hidden, *features.shape[2:]
                )
            hidden = state = self.recurrent(features, state)
        step = self.last(self.decode(hidden).tanh())[..., :height, :width]
        return step.float().view(batch, channels, height, width), state

    def gradient(self, descent, eta, sigma):
        """Gradient of the negative log-likelihood with respect to eta (chain rule)."""
        x = eta.sigmoid()
        variance = sigma.square() + softplus(self.log_epsilon)
        return descent / variance * x * (1 - x)
