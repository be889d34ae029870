"""Speech in many scripts, and what else stands in answers; as tokenizers have it, in NFC."""

from __future__ import annotations

import unicodedata

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
_CODER = "\U0001f469\u200d\U0001f4bb"
_PIRATES = "\U0001f3f4\u200d\u2620\ufe0f"

_SENTENCES = {
    "English": (
        "Good morning.", "How are you?", "Fine, thanks!", "Shall we start", "Yes (of course)", 'He said "no".',
    ),
    "Chinese": ("大家早上好。", "我们今天讨论语音识别。", "好吗？", "可以，开始吧", "第一个问题：", "谢谢！"),
    "Japanese": (
        "おはようございます。", "今日は会議です。", "いいですか？", "はい、どうぞ", "「テスト」", "ﾊﾝｶｸもある！",
    ),
    "Korean": (
        "안녕하세요.", "오늘 회의를 시작합니다.", "괜찮으세요?", "네, 시작하죠", "첫 번째 안건", "감사합니다!",
    ),
    "Arabic": ("صباح الخير.", "كيف حالكم؟", "بخير، شكرًا", "هل نبدأ الاجتماع؟", "نعم؛ لنبدأ", "شكرًا لكم!"),
    "Hebrew": ("בוקר טוב.", "מה שלומכם?", "שָׁלוֹם עולם", "אפשר להתחיל?", "כן, בבקשה", "תודה!"),
    "Hindi": (
        "नमस्ते दुनिया।", "आप कैसे हैं?", "मैं ठीक हूँ", "क्या हम शुरू करें?", "हिन्दी में क्षत्रिय", "धन्यवाद!",
    ),
    "Thai": (
        "สวัสดีครับ", "วันนี้เราจะพูดถึงระบบ", "ดีไหมครับ", "เริ่มกันเลย", "ที่นี่มีน้ำ", "ขอบคุณมากครับ",
    ),
    "Tamil": (
        "வணக்கம்.", "எப்படி இருக்கிறீர்கள்?", "நன்றாக இருக்கிறேன்", "தொடங்கலாமா?", "ஆம், சரி", "நன்றி!",
    ),
    "emoji": (
        f"ok {_FAMILY}", "then 🇩🇪 and 👍🏽", "e\u0301te\u0301 ❤\ufe0f.", f"a {_CODER} writes", "yes ✅",
        f"no {_PIRATES}!",
    ),
    "marks": (
        "\u200fשלום\u200f.", "\u202bمرحبا\u202c", "right\u200e", "of \u2067לילה\u2069 left", "soft\u00adly.",
        "\u200fكم؟",
    ),
    "JSON": ('He said "no", then \\ and / left.', "yes {x} ]", '},{"Start"', "[laughs] and [again", '"}]', "a, b: c"),
}  # fmt: skip

SENTENCES = {kind: tuple(unicodedata.normalize("NFC", text) for text in said) for kind, said in _SENTENCES.items()}
"""By language or kind: six turns of a talk, alike in no two kinds, ends with and without a mark."""
