"""Other throats for the same voice: formants move, pitch and pace stay."""

import numpy as np
import torch

from .utterance import Samples

_WINDOW, _STEP = 768, 192  # 32 ms and 8 ms
_SMOOTH = 64
"""So many cepstral coefficients, 2.7 ms, tell the throat; what is finer is the pitch."""
_MOST = 2.3  # of a gain, in nepers: 20 dB


def with_formants(samples: Samples, factor: float) -> Samples:
    """Mono samples at 24 kHz whose formants lie `factor` times as high, by the envelope of each 32 ms' spectrum."""
    window = torch.hann_window(_WINDOW)
    spectrum = torch.stft(torch.from_numpy(samples), _WINDOW, _STEP, window=window, return_complex=True)
    level = (spectrum.abs() + 1e-5).log()  # [frequencies, windows]
    cepstrum = torch.fft.irfft(level, dim=0)
    cepstrum[_SMOOTH : _WINDOW - _SMOOTH + 1] = 0
    envelope = torch.fft.rfft(cepstrum, dim=0).real
    place = torch.arange(len(envelope)) / factor
    below = place.long().clamp(max=len(envelope) - 2)
    share = (place - below).clamp(max=1.0)[:, None]
    moved = envelope[below] * (1 - share) + envelope[below + 1] * share
    gain = (moved - envelope).clamp(-_MOST, _MOST).exp()
    heard = torch.istft(spectrum * gain, _WINDOW, _STEP, window=window, length=len(samples))
    return np.asarray(heard.numpy(), np.float32)
