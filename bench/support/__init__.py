"""What benches share: their reports, their recordings, what transcribes them."""
