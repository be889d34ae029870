"""What people say in the served languages, written for the tests, and texts that tell no language for certain."""

from __future__ import annotations

SAID = {
    "af": (
        "Goeiemôre almal, dankie dat julle gekom het. Ons begin vandag met die verslag van verlede week.",
        "Ek het gister met my suster gepraat en sy sê hulle kan nie hierdie naweek kom nie.",
    ),
    "ar": (
        "صباح الخير جميعا، شكرا لحضوركم اليوم. سنبدأ بمناقشة تقرير الأسبوع الماضي ثم ننتقل إلى الأسئلة.",
        "تحدثت أمس مع أختي وقالت إنهم لن يستطيعوا المجيء في نهاية هذا الأسبوع.",
    ),
    "bg": (
        "Добро утро на всички, благодаря ви, че дойдохте. Днес ще започнем с отчета от миналата седмица.",
        "Вчера говорих със сестра ми и тя каза, че няма да могат да дойдат тази седмица.",
    ),
    "ca": (
        "Bon dia a tothom, gràcies per haver vingut. Avui començarem amb l'informe de la setmana passada.",
        "Ahir vaig parlar amb la meva germana i em va dir que aquest cap de setmana no podran venir.",
    ),
    "cs": (
        "Dobré ráno všem, děkuji, že jste přišli. Dnes začneme zprávou z minulého týdne.",
        "Včera jsem mluvil se svou sestrou a ona říkala, že tento víkend nemohou přijet.",
    ),
    "da": (
        "Godmorgen alle sammen, tak fordi I kom. I dag begynder vi med rapporten fra sidste uge.",
        "Jeg talte med min søster i går, og hun sagde, at de ikke kunne komme i weekenden, fordi bilen er "
        "gået i stykker.",
    ),
    "de": (
        "Guten Morgen zusammen, danke, dass ihr gekommen seid. Heute fangen wir mit dem Bericht der letzten Woche an.",
        "Ich habe gestern mit meiner Schwester gesprochen, und sie meint, dass sie am Wochenende nicht kommen können.",
    ),
    "el": (
        "Καλημέρα σε όλους, ευχαριστώ που ήρθατε. Σήμερα θα ξεκινήσουμε με την αναφορά της περασμένης εβδομάδας.",
        "Ναι, βέβαια.",
    ),
    "en": (
        "Good morning everybody, thank you for coming. Today we will begin with the report about last week.",
        "I spoke to my sister yesterday and she says they can't make it this weekend.",
        "This coffee was green. Katherine comes my pink kitchen under this bad bird. Geoffrey closes. I have.",
    ),
    "es": (
        "Buenos días a todos, gracias por venir. Hoy vamos a empezar con el informe de la semana pasada.",
        "Ayer hablé con mi hermana y me dijo que no pueden venir este fin de semana porque tienen mucho trabajo.",
    ),
    "et": (
        "Tere hommikust kõigile, aitäh, et tulite. Täna alustame eelmise nädala aruandega.",
        "Ma rääkisin eile oma õega ja ta ütles, et nad ei saa sel nädalavahetusel tulla.",
    ),
    "fa": (
        "صبح همگی بخیر، ممنون که آمدید. امروز با گزارش هفته گذشته شروع می‌کنیم و بعد به سؤال‌ها می‌رسیم.",
        "دیروز با خواهرم صحبت کردم و گفت که این آخر هفته نمی‌توانند بیایند.",
    ),
    "fi": (
        "Hyvää huomenta kaikille, kiitos että tulitte. Tänään aloitamme viime viikon raportilla.",
        "Puhuin eilen siskoni kanssa ja hän sanoi, etteivät he pääse tulemaan tänä viikonloppuna.",
    ),
    "fr": (
        "Bonjour à tous, merci d'être venus. Aujourd'hui nous allons commencer par le rapport de la semaine dernière.",
        "J'ai parlé avec ma sœur hier et elle m'a dit qu'ils ne peuvent pas venir ce week-end.",
    ),
    "he": (
        "בוקר טוב לכולם, תודה שבאתם. היום נתחיל עם הדוח של השבוע שעבר.",
        "דיברתי אתמול עם אחותי והיא אמרה שהם לא יכולים לבוא בסוף השבוע.",
    ),
    "hi": (
        "सुप्रभात, आने के लिए आप सबका धन्यवाद। आज हम पिछले हफ्ते की रिपोर्ट से शुरू करेंगे।",
        "मैंने कल अपनी बहन से बात की और उसने कहा कि वे इस हफ्ते नहीं आ सकते।",
    ),
    "hr": (
        "Dobro jutro svima, hvala što ste došli. Danas počinjemo s izvješćem za prošli tjedan, a onda ćemo "
        "razgovarati o svemu ostalom.",
        "Jučer sam pričao sa sestrom. Rekla je da za vikend neće moći doći jer mora raditi, pa ćemo se "
        "vidjeti idući tjedan.",
    ),
    "hu": (
        "Jó reggelt mindenkinek, köszönöm, hogy eljöttek. Ma a múlt heti jelentéssel kezdjük.",
        "Tegnap beszéltem a húgommal, és azt mondta, hogy ezen a hétvégén nem tudnak jönni.",
    ),
    "hy": (
        "Բարի լույս բոլորին, շնորհակալություն գալու համար։ Այսօր կսկսենք անցած շաբաթվա զեկույցից։",
        "Այո, իհարկե։",
    ),
    "id": (
        "Selamat pagi semuanya, terima kasih sudah datang. Hari ini kita akan mulai dengan laporan minggu "
        "lalu, karena "
        "masih banyak yang belum selesai dan kita butuh bantuan kalian.",
        "Kemarin saya ngobrol dengan adik saya, katanya mereka nggak bisa datang akhir pekan ini karena "
        "mobilnya rusak.",
    ),
    "is": (
        "Góðan daginn öll, takk fyrir að koma. Í dag byrjum við á skýrslunni frá síðustu viku.",
        "Ég talaði við systur mína í gær og hún sagði að þau gætu ekki komið um helgina.",
    ),
    "it": (
        "Buongiorno a tutti, grazie per essere venuti. Oggi cominciamo con il rapporto della settimana scorsa.",
        "Ieri ho parlato con mia sorella e mi ha detto che questo fine settimana non possono venire.",
    ),
    "ja": (
        "おはようございます、皆さん。今日は先週の報告から始めます。",
        "はい。",
        "昨日 Python の本を買いました。",
    ),
    "jv": (
        "Sugeng enjang sedaya, matur nuwun sampun rawuh. Dinten menika kula badhe miwiti laporan minggu kepungkur.",
        "Wingi aku wis ngomong karo mbakyuku, jarene dheweke ora bisa teka minggu iki amarga lagi akeh gaweyan.",
    ),
    "ko": (
        "안녕하세요 여러분, 와 주셔서 감사합니다. 오늘은 지난주 보고서부터 시작하겠습니다.",
        "네, 알겠습니다.",
    ),
    "lt": (
        "Labas rytas visiems, ačiū, kad atėjote. Šiandien pradėsime nuo praėjusios savaitės ataskaitos.",
        "Vakar kalbėjau su savo seserimi ir ji sakė, kad šį savaitgalį jie negalės atvykti.",
    ),
    "lv": (
        "Labrīt visiem, paldies, ka atnācāt. Šodien mēs sāksim ar pagājušās nedēļas pārskatu.",
        "Vakar es runāju ar savu māsu, un viņa teica, ka šajā nedēļas nogalē viņi nevar atbraukt.",
    ),
    "mn": (
        "Өглөөний мэнд, хүрэлцэн ирсэнд баярлалаа. Өнөөдөр бид өнгөрсөн долоо хоногийн тайлангаас эхэлнэ.",
        "Би өчигдөр эгчтэйгээ ярьсан, тэд энэ амралтын өдөр ирж чадахгүй гэж хэлсэн.",
    ),
    "ms": (
        "Selamat pagi semua, terima kasih kerana datang. Hari ini kita akan mulakan dengan laporan minggu "
        "lepas kerana "
        "masih banyak perkara yang perlu dibincangkan bersama-sama.",
        "Semalam saya bercakap dengan kakak saya dan dia kata mereka tidak boleh datang pada hujung minggu ini kerana "
        "kereta mereka rosak.",
    ),
    "ne": (
        "शुभ प्रभात, आउनुभएकोमा सबैलाई धन्यवाद। आज हामी गत हप्ताको प्रतिवेदनबाट सुरु गर्नेछौं।",
        "मैले हिजो मेरी दिदीसँग कुरा गरें र उनले भनिन् कि उनीहरू यो हप्ता आउन सक्दैनन्।",
    ),
    "nl": (
        "Goedemorgen allemaal, fijn dat jullie er zijn. Vandaag beginnen we met het verslag van vorige week.",
        "Ik heb gisteren met mijn zus gesproken en ze zei dat ze dit weekend niet kunnen komen.",
    ),
    "no": (
        "God morgen alle sammen, takk for at dere kom. I dag begynner vi med rapporten fra forrige uke, og så tar vi "
        "spørsmålene deres etterpå.",
        "Jeg snakket med søsteren min i går, og hun sa at de ikke kunne komme i helga fordi bilen deres er ødelagt.",
    ),
    "pl": (
        "Dzień dobry wszystkim, dziękuję za przyjście. Dzisiaj zaczniemy od raportu z zeszłego tygodnia.",
        "Wczoraj rozmawiałem z siostrą i powiedziała, że nie mogą przyjechać w ten weekend.",
    ),
    "pt": (
        "Bom dia a todos, obrigado por terem vindo. Hoje vamos começar com o relatório da semana passada.",
        "Ontem falei com a minha irmã e ela disse que não podem vir neste fim de semana.",
    ),
    "ro": (
        "Bună dimineața tuturor, vă mulțumesc că ați venit. Astăzi începem cu raportul de săptămâna trecută.",
        "Am vorbit ieri cu sora mea și mi-a spus că nu pot să vină în acest weekend.",
    ),
    "ru": (
        "Доброе утро всем, спасибо, что пришли. Сегодня мы начнём с отчёта за прошлую неделю.",
        "Вчера я разговаривал с сестрой, и она сказала, что они не смогут приехать в эти выходные.",
    ),
    "sk": (
        "Dobré ráno všetkým, ďakujem, že ste prišli. Dnes začneme správou z minulého týždňa.",
        "Včera som hovoril so svojou sestrou a povedala, že tento víkend nemôžu prísť.",
    ),
    "sl": (
        "Dobro jutro vsem, hvala, da ste prišli. Danes bomo začeli s poročilom prejšnjega tedna.",
        "Včeraj sem govoril s svojo sestro in je rekla, da ta konec tedna ne morejo priti.",
    ),
    "sr": (
        "Добро јутро свима, хвала што сте дошли. Данас ћемо почети са извештајем од прошле недеље.",
        "Јуче сам разговарао са сестром и рекла је да не могу да дођу овог викенда.",
    ),
    "sv": (
        "God morgon allihop, tack för att ni kom. Idag börjar vi med rapporten från förra veckan.",
        "Jag pratade med min syster igår och hon sa att de inte kan komma i helgen.",
    ),
    "sw": (
        "Habari za asubuhi nyote, asanteni kwa kuja. Leo tutaanza na ripoti ya wiki iliyopita.",
        "Jana niliongea na dada yangu na akasema kwamba hawawezi kuja mwishoni mwa wiki hii.",
    ),
    "th": (
        "สวัสดีตอนเช้าทุกคน ขอบคุณที่มา วันนี้เราจะเริ่มจากรายงานของสัปดาห์ที่แล้ว",
        "ครับ",
    ),
    "tl": (
        "Magandang umaga sa inyong lahat, salamat sa pagpunta. Ngayon ay magsisimula tayo sa ulat noong "
        "nakaraang linggo.",
        "Nakausap ko ang kapatid ko kahapon at sinabi niya na hindi sila makakapunta ngayong katapusan ng linggo.",
    ),
    "tr": (
        "Herkese günaydın, geldiğiniz için teşekkür ederim. Bugün geçen haftanın raporuyla başlayacağız.",
        "Dün kız kardeşimle konuştum, bu hafta sonu gelemeyeceklerini söyledi.",
    ),
    "uk": (
        "Доброго ранку всім, дякую, що прийшли. Сьогодні ми почнемо зі звіту за минулий тиждень.",
        "Вчора я розмовляв із сестрою, і вона сказала, що цими вихідними вони не зможуть приїхати.",
    ),
    "ur": (
        "سب کو صبح بخیر، آنے کا شکریہ۔ آج ہم پچھلے ہفتے کی رپورٹ سے شروع کریں گے اور پھر آپ کے سوالات لیں گے۔",
        "میں نے کل اپنی بہن سے بات کی اور اس نے کہا کہ وہ اس ہفتے نہیں آ سکتے۔",
    ),
    "vi": (
        "Chào buổi sáng mọi người, cảm ơn các bạn đã đến. Hôm nay chúng ta sẽ bắt đầu với báo cáo của tuần trước.",
        "Hôm qua tôi đã nói chuyện với chị gái và chị ấy nói rằng cuối tuần này họ không thể đến.",
    ),
    "yi": (
        "גוט מאָרגן אַלעמען, אַ דאַנק וואָס איר זענט געקומען. הײַנט וועלן מיר אָנהייבן מיט דעם באַריכט פֿון "
        "דער פֿאַרגאַנגענער וואָך.",
        "איך האב נעכטן גערעדט מיט מיין שוועסטער און זי האט געזאגט אז זיי קענען נישט קומען.",
    ),
    "zh": (
        "大家早上好，感谢各位的到来。今天我们从上周的报告开始。",
        "我昨天跟我姐姐说了，她说这个周末他们来不了。",
        "我们用 Python 和 Docker 来部署这个项目，大家有什么问题吗？",
        "昨天我同姐姐講過，佢話呢個週末嚟唔到。",
    ),
}
"""Two or more short texts by ISO 639-1 code. English, and words of the tiny checkpoint's too."""

UNCERTAIN = (
    "",
    "   \n ",
    "Okay.",
    "Yes.",
    "Right.",
    "I have.",
    "Sí.",
    "Ja, ja.",
    "Hi there. Bye. Bye.",
    "Hmm, hmm. Uh-huh. Mm-hmm.",
    "Ha ha ha ha ha ha ha ha.",
    "uh um er ah oh eh",
    "No no no no no no no no no no.",
    "Well, well, well, well, well, well.",
    "la la la la la la la la la la",
    "12 34 56 78",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
    "[Music]",
    "[Silence] [Noise] [Music]",
    "[Unintelligible Speech]",
    "[Environmental Sounds] Okay. [Human Sounds]",
    "Katherine Geoffrey Michael",
    "Anna Müller, Jean-Pierre Dupont, Giovanni Rossi, John Smith and Maria García.",
    "Madonna, Madrid, Paris, London, Berlin, Tokyo, New York.",
    "Москва, Санкт-Петербург, Казань, Новосибирск.",
    "Paweł, Krzysztof, Wojciech, Małgorzata and Agnieszka.",
    "Nguyễn Văn An, Trần Thị Bích, Lê Hoàng",
    "Kovács János, Nagy Erzsébet, Szabó István",
    "Jürgen Müller, Günther Schröder, Käthe Weiß",
    "São Paulo, Belo Horizonte, Brasília, Florianópolis",
    "BMW, SAP, IBM, NATO, USA, UNESCO.",
    "Amazon, Google, Facebook, Microsoft, Apple",
    "www.example.com user@example.com",
    "taxi hotel radio internet restaurant",
    "pizza, spaghetti, sushi, taco, kebab",
    "asdf qwer zxcv hjkl poiu mnbv",
    "α",
    "東京都",
    "田中太郎",
    "Hello. Bonjour. Hola. Guten Tag. Ciao.",
    "привет hello 你好 こんにちは",
    "I said hello to her yesterday and we talked. Ich habe sie gestern gesehen und wir haben gesprochen.",
    "The meeting starts at nine o'clock and everybody should be there. La réunion commence à neuf heures et tout le "
    "monde doit être là.",
    "We should go now, they are waiting for us. Мы должны идти, они нас уже ждут у входа.",
    "namaste aap kaise hain main theek hoon dhanyavaad",
    "ni hao wo shi zhongguo ren hen gaoxing renshi ni",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore.",
    # Languages that are not served.
    "Egun on guztioi, eskerrik asko etortzeagatik. Gaur joan den asteko txostenarekin hasiko gara.",
    "Bore da bawb, diolch am ddod. Heddiw byddwn yn dechrau gydag adroddiad yr wythnos diwethaf.",
    "Bonan matenon al ĉiuj, dankon pro via veno. Hodiaŭ ni komencos per la raporto de la pasinta semajno.",
    "Mirëmëngjes të gjithëve, faleminderit që erdhët. Sot do të fillojmë me raportin e javës së kaluar.",
    "დილა მშვიდობისა ყველას, მადლობა რომ მოხვედით.",
    "காலை வணக்கம், வந்ததற்கு நன்றி.",
    "Қайырлы таң, келгендеріңізге рахмет. Бүгін өткен аптаның есебінен бастаймыз.",
    "Добро утро на сите, ви благодарам што дојдовте. Денес ќе започнеме со извештајот од минатата недела.",
    "Maidin mhaith daoibh go léir, go raibh maith agaibh as teacht. Inniu tosóimid leis an tuarascáil.",
    "Sabahınız xeyir, gəldiyiniz üçün təşəkkür edirəm. Bu gün keçən həftənin hesabatı ilə başlayacağıq.",
    "Kalaallit Nunaat tassaavoq nunarsuarmi qeqertat annersaat, inuillu amerlanersaat Nuummi najugaqarput.",
)
"""Too short, names, digits, tags, sounds, several languages, and languages that are not served."""
