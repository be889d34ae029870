"""The model's view of long audio: windows that follow each other, for files and live alike."""
