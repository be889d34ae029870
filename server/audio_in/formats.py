"""Which files are taken: the one list of containers and codecs, what people call them, and how they are told apart.

FFmpeg can open far more than recordings: playlists that name other files, pictures, network protocols, text that it
takes for subtitles or for machine code of an old game. A demuxer or a decoder that is not named here is never run.
What is named is what people record with, and what FFmpeg tells from other files by its content alone: demuxers that
go by a file's extension (raw G.722, G.726, G.729, mu-law) would claim anything or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.audio_in.errors import AudioError, AudioErrorCode

HEAD_BYTES = 64
"""Of a file are enough to say what it is."""

Magic = tuple[int, bytes]
"""Where a file says what it is, and what stands there."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A kind of file.

    Attributes:
        spoken: what people call it.
        demuxers: FFmpeg's names of what reads it.
        magic: what only such files begin with, at least 24 bits; none where nothing of the kind stands at the start.
        keeps_header: of the file that it was made from, which is not to be taken for another file inside.
    """

    spoken: str
    demuxers: tuple[str, ...]
    magic: tuple[Magic, ...] = ()
    keeps_header: bool = False


FORMATS = (
    FileFormat("WAV", ("wav",), ((8, b"WAVE"),)),
    FileFormat("MP3", ("mp3",), ((0, b"ID3"),)),
    FileFormat(
        "M4A, MP4, MOV and 3GP",
        ("mov",),
        tuple((4, kind) for kind in (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"sidx", b"wide")),
    ),
    FileFormat("WebM and Matroska", ("matroska",), ((0, b"\x1a\x45\xdf\xa3"),)),
    FileFormat("Ogg (Opus, Vorbis, FLAC, Speex)", ("ogg",), ((0, b"OggS"),)),
    FileFormat("FLAC", ("flac",), ((0, b"fLaC"),)),
    FileFormat("AAC (ADTS, LATM)", ("aac", "loas")),
    FileFormat("WMA and ASF", ("asf",), ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),)),
    FileFormat("AMR", ("amr",), ((0, b"#!AMR"),)),
    FileFormat("AIFF", ("aiff",), ((8, b"AIFF"), (8, b"AIFC"))),
    FileFormat("CAF", ("caf",), ((0, b"caff"),)),
    FileFormat("AU", ("au",), ((0, b".snd"),)),
    FileFormat("AVI", ("avi",), ((8, b"AVI "),)),
    FileFormat("FLV", ("flv",), ((0, b"FLV"),)),
    FileFormat("MPEG program and transport streams", ("mpeg", "mpegts"), ((0, b"\0\0\x01\xba"),)),
    FileFormat("AC-3", ("ac3", "eac3")),
    FileFormat(
        "DTS",
        ("dts", "dtshd"),
        ((0, b"\x7f\xfe\x80\x01"), (0, b"\xfe\x7f\x01\x80"), (0, b"\x1f\xff\xe8\0"), (0, b"\xff\x1f\0\xe8"),
         (0, b"DTSHDHDR")),
    ),
    FileFormat("TrueHD", ("truehd", "mlp"), ((4, b"\xf8\x72\x6f\xba"), (4, b"\xf8\x72\x6f\xbb"))),
    FileFormat("WavPack", ("wv",), ((0, b"wvpk"),), keeps_header=True),
    FileFormat("TTA", ("tta",), ((0, b"TTA1"), (0, b"TTA2"))),
    FileFormat("Monkey's Audio", ("ape",), ((0, b"MAC "),), keeps_header=True),
    FileFormat("Musepack", ("mpc", "mpc8"), ((0, b"MP+"), (0, b"MPCK"))),
    FileFormat("TAK", ("tak",), ((0, b"tBaK"),), keeps_header=True),
    FileFormat("Shorten", ("shn",), ((0, b"ajkg"),), keeps_header=True),
    FileFormat("RealMedia", ("rm",), ((0, b".RMF"), (0, b".ra\xfd"))),
    FileFormat("QCP", ("qcp",), ((8, b"QLCM"),)),
    FileFormat("GSM", ("gsm",)),
    FileFormat("iLBC", ("ilbc",), ((0, b"#!iLBC"),)),
    FileFormat("DSS", ("dss",), ((0, b"\x02dss"), (0, b"\x03dss"))),
    FileFormat("W64", ("w64",), ((0, b"riff\x2e\x91\xcf\x11"),)),
    FileFormat("VOC", ("voc",), ((0, b"Creative Voice File"),)),
    FileFormat("NIST SPHERE", ("nistsphere",), ((0, b"NIST_1A"),)),
    FileFormat(
        "IRCAM",
        ("ircam",),
        tuple((0, b"\x64\xa3" + machine) for machine in (b"\1\0", b"\2\0", b"\3\0", b"\4\0"))
        + tuple((0, machine + b"\xa3\x64") for machine in (b"\0\1", b"\0\2", b"\0\3")),
    ),
    FileFormat("SoX", ("sox",), ((0, b".SoX"), (0, b"XoS."))),
    FileFormat("PVF", ("pvf",), ((0, b"PVF1"),)),
    FileFormat("AVR", ("avr",), ((0, b"2BIT"),)),
    FileFormat("MiniDisc (OMA)", ("oma",), ((0, b"ea3\x03"), (0, b"EA3\x01"))),
    FileFormat("MXF", ("mxf",), ((0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"),)),
    FileFormat("DV", ("dv",)),
    FileFormat("WTV", ("wtv",), ((0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11"),)),
    FileFormat("NUT", ("nut",), ((0, b"nut/multimedia container\0"),)),
)  # fmt: skip
"""The most usual first, as they are told to people. MP4 covers QuickTime, F4V and everything else of its family; MP3
covers MPEG layers 1 and 2; MPEG program streams are also VOB and the files of MPEG cameras."""

DEMUXERS = tuple(demuxer for form in FORMATS for demuxer in form.demuxers)

_PCM = tuple(f"pcm_{kind}" for kind in (
    "u8", "s8", "s8_planar", "s16le", "s16be", "s16le_planar", "s16be_planar", "s24le", "s24be", "s24le_planar",
    "s32le", "s32be", "s32le_planar", "u16le", "u16be", "u24le", "u24be", "u32le", "u32be",
    "f16le", "f24le", "f32le", "f32be", "f64le", "f64be", "mulaw", "alaw", "bluray", "dvd",
))  # fmt: skip
_ADPCM = tuple(f"adpcm_{kind}" for kind in (
    "ms", "ima_wav", "ima_qt", "ima_oki", "ima_dk3", "ima_dk4", "swf", "yamaha", "sanyo", "ct",
    "sbpro_2", "sbpro_3", "sbpro_4",
))  # fmt: skip
DECODERS = (
    *_PCM, *_ADPCM,
    "flac", "alac", "wavpack", "tta", "ape", "tak", "shorten", "truehd", "mlp", "wmalossless", "ralf",
    "mp3float", "mp3", "mp2float", "mp2", "mp1float", "mp1", "aac", "aac_latm", "vorbis", "opus", "libopus",
    "ac3", "eac3", "dca", "wmav1", "wmav2", "wmapro", "mpc7", "mpc8", "atrac1", "atrac3", "atrac3plus", "cook",
    "sbc", "s302m", "dvaudio", "mace3", "mace6", "qdm2", "qdmc",
    # for speech alone
    "amrnb", "amrwb", "qcelp", "evrc", "wmavoice", "speex", "gsm", "gsm_ms", "ilbc", "g722", "g723_1", "g726", "g726le",
    "g729", "truespeech", "nellymoser", "real_144", "real_288", "sipr", "dss_sp", "msnsiren", "imc",
)  # fmt: skip
"""All of them for audio."""

_LAST = FORMATS[-1].spoken
TAKEN = f"{', '.join(form.spoken for form in FORMATS[:-1])} and {_LAST}"
"""What is taken, in a phrase for people."""

_FOREIGN: tuple[tuple[str, tuple[Magic, ...]], ...] = (
    ("a web page", ((0, b"<!DOCTYPE html"), (0, b"<!doctype html"), (0, b"<html"), (0, b"<HTML"))),
    (
        "a playlist, which names recordings and holds none",
        ((0, b"#EXTM3U"), (0, b"ffconcat"), (0, b"[playlist]"), (0, b"<asx"), (0, b"<ASX"), (0, b"[Reference]"),
         (0, b"<MPD"), (0, b"<smil"), (0, b"v=0"), (0, b"http://"), (0, b"https://"), (0, b"rtsp://")),
    ),
    ("XML", ((0, b"<?xml"),)),
    ("JSON", ((0, b"{"), (0, b"[{"))),
    ("a PDF document", ((0, b"%PDF"),)),
    ("a ZIP archive or an office document", ((0, b"PK\x03\x04"), (0, b"PK\x05\x06"))),
    (
        "a compressed archive",
        ((0, b"\x1f\x8b"), (0, b"7z\xbc\xaf"), (0, b"Rar!"), (0, b"BZh"), (0, b"\xfd7zXZ"), (0, b"\x28\xb5\x2f\xfd")),
    ),
    (
        "a picture",
        ((0, b"\xff\xd8\xff"), (0, b"\x89PNG"), (0, b"GIF8"), (8, b"WEBP"), (0, b"II*\0"), (0, b"MM\0*")),
    ),
    ("MIDI, which holds notes and no sound", ((0, b"MThd"),)),
    ("a protected audio book", ((4, b"\x57\x90\x75\x36"), (4, b"ftypaax"))),
    ("a capture of network packets", ((0, b"\xd4\xc3\xb2\xa1"), (0, b"\xa1\xb2\xc3\xd4"), (0, b"\x0a\x0d\x0d\x0a"))),
)  # fmt: skip
"""What people send by mistake."""

_BEGINNING_MISSING = (
    "The beginning of the {} file is missing, which alone says how the rest is to be read. Send the recording from its "
    "first byte on; pieces of a recorder that was read now and then are to be joined in their order."
)
_OGG_FLAGS, _OGG_FIRST_PAGE = 5, 2
_LONGEST_CHARACTER = 4
_BLOCK = re.compile(rb"\xa3(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..)\x81..[\x00\x80]", re.DOTALL)
"""Matroska's SimpleBlock of the first track without lacing: how pieces of a browser's recorder may begin."""


def format_of(head: bytes) -> FileFormat | None:
    """The kind of file that begins with ``head``, where it says so itself."""
    return next((form for form in FORMATS if _begins(head, form.magic)), None)


def unreadable(head: bytes) -> AudioError:
    """What to say of a file that begins with ``head`` and cannot be opened."""
    if format_of(head) is not None:
        return AudioError(AudioErrorCode.CORRUPT_AUDIO, _damage(head))
    if _is_cut_matroska(head):
        return AudioError(AudioErrorCode.CORRUPT_AUDIO, _BEGINNING_MISSING.format("WebM"))
    starts = head, head.lstrip(b"\xef\xbb\xbf \t\r\n")
    what = next((name for name, magic in _FOREIGN if any(_begins(start, magic) for start in starts)), None)
    seen = f" It seems to be {what}." if what else ""
    message = f"The file is not audio or video in a supported format.{seen} Supported are {TAKEN}."
    return AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, message)


def is_no_recording(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is none, though its bytes may fall where a format has its marks.

    Raw GSM and MPEG audio know their packets by a few bits each, and text that repeats itself has them by chance.
    """
    return format_of(head) is None and (_is_text(head) or (len(set(head)) == 1 and head[0] != 0))


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")
    except UnicodeDecodeError as error:
        if len(head) - error.start > _LONGEST_CHARACTER:
            return False
        text = head[: error.start].decode("utf-8", "replace")
    return all(character.isprintable() or character.isspace() or character == "\ufeff" for character in text)


def _damage(head: bytes) -> str:
    if head[4:8] in (b"moof", b"styp", b"sidx"):
        return _BEGINNING_MISSING.format("MP4")
    if head.startswith(b"OggS") and len(head) > _OGG_FLAGS and not head[_OGG_FLAGS] & _OGG_FIRST_PAGE:
        return _BEGINNING_MISSING.format("Ogg")
    return "The file is damaged: its header or (in MP4 files often at the end) its index cannot be read."


def _is_cut_matroska(head: bytes) -> bool:
    """Whether the first bytes of a Matroska or WebM file are missing, or all in front of a cluster or a block."""
    names_itself = any(name in head for name in (b"\x42\x82\x84webm", b"\x42\x82\x88matroska", b"\x18\x53\x80\x67"))
    return names_itself or head.startswith((b"\x1f\x43\xb6\x75", b"\x43\xb6\x75")) or _BLOCK.match(head) is not None


def _begins(head: bytes, magic: tuple[Magic, ...]) -> bool:
    return any(head.startswith(mark, at) for at, mark in magic)
