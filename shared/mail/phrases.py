"""How mail clients introduce what they quote, by language: the words that clients write, as they write them.

Everything is compared case-folded. English, German, French, Spanish, Portuguese, Italian, Dutch, Swedish, Danish,
Norwegian, Finnish, Polish, Czech, Slovak, Hungarian, Romanian, Russian, Ukrainian, Bulgarian, Greek, Turkish, Hebrew,
Arabic, Japanese, Chinese, Korean, Vietnamese, Indonesian, Catalan.
"""

# ruff: noqa: RUF001 - letters of other scripts look like Latin ones; that is what this table is for

from __future__ import annotations

# Beginnings of "On <date>, <name> wrote:".
INTRODUCTIONS = (
    "on ",
    "am ",
    "le ",
    "el ",
    "em ",
    "a ",
    "il ",
    "op ",
    "den ",
    "d. ",
    "w dniu ",
    "dnia ",
    "dne ",
    "dňa ",
    "în ",
    "in data ",
    "pe ",
    "на ",
    "στις ",
    "ב-",
    "في ",
    "vào ",
    "pada ",
    "---- on ",
)

# "wrote" where it ends the introduction.
WROTE_LAST = (
    "wrote",
    "writes",
    "schrieb",
    "a écrit",
    "escribió",
    "escreveu",
    "ha scritto",
    "schreef",
    "geschreven",
    "het volgende geschreven",
    "skrev",
    "skrev följande",
    "følgende",
    "kirjoitti",
    "napisał",
    "napisała",
    "napisał(a)",
    "pisze",
    "napsal",
    "napsala",
    "napsal(a)",
    "napísal",
    "napísala",
    "napísal(a)",
    "írta",
    "ezt írta",
    "a scris",
    "написал",
    "написала",
    "написал(а)",
    "пишет",
    "написав",
    "написала(в)",
    "пише",
    "написа",
    "έγραψε",
    "yazdı",
    "şunu yazdı",
    "כתב",
    "כתבה",
    "כתב/ה",
    "كتب",
    "書きました",
    "のメール",
    "写道",
    "寫道",
    "님이 작성",
    "작성",
    "đã viết",
    "menulis",
    "va escriure",
)

# "wrote" where the name or the date follows it.
WROTE_WITHIN = (
    " schrieb ",
    " schreef ",
    " skrev ",
    " escreveu no ",
    " wrote on ",
    " a écrit le ",
    " escribió el ",
    " ha scritto il ",
    " napsal dne ",
)

# Labels of a copied header, by what they stand for.
LABELS = {
    "from": (
        "from von de da van från fra lähettäjä od expeditor от від от кого από "
        "kimden gönderen מאת من 差出人 送信者 发件人 寄件者 寄件人 보낸사람 từ dari feladó "
        "odesílatel"
    ),
    "sent": (
        "sent date gesendet datum envoyé date enviado enviada data inviato "
        "verzonden skickat sendt dato lähetetty päivämäärä wysłano odesláno "
        "odoslané elküldve dátum trimis отправлено дата надіслано ημερομηνία "
        "στάλθηκε gönderilme tarih gönderildi נשלח תאריך تاريخ 日付 送信日時 日時 "
        "发送时间 日期 寄件日期 보낸날짜 날짜 ngày dikirim tanggal"
    ),
    "to": (
        "to an à para a aan till til vastaanottaja do komu címzett către кому до "
        "προς kime alıcı אל إلى 宛先 收件人 받는사람 đến kepada per"
    ),
    "cc": ("cc kopie copie copia kopia kopi kópia másolatot копия bilgi 抄送 副本 참조"),
    "subject": (
        "subject betreff objet asunto assunto oggetto onderwerp ämne emne aihe "
        "temat předmět predmet tárgy subiect тема θέμα konu נושא الموضوع 件名 主题 主旨 "
        "제목 chủđề subjek assumpte"
    ),
}

# The words of a line of dashes that stands before a copied mail.
DIVIDERS = (
    "original message",
    "original appointment",
    "forwarded message",
    "reply message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "original-nachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "message initial",
    "message transféré",
    "mensaje original",
    "mensaje reenviado",
    "mensagem original",
    "mensagem encaminhada",
    "messaggio originale",
    "messaggio inoltrato",
    "oorspronkelijk bericht",
    "doorgestuurd bericht",
    "ursprungligt meddelande",
    "originalmeddelande",
    "vidarebefordrat meddelande",
    "oprindelig besked",
    "oprindelig meddelelse",
    "original meddelelse",
    "videresendt meddelelse",
    "opprinnelig melding",
    "alkuperäinen viesti",
    "wiadomość oryginalna",
    "oryginalna wiadomość",
    "wiadomość przekazana",
    "původní zpráva",
    "pôvodná správa",
    "eredeti üzenet",
    "mesaj original",
    "исходное сообщение",
    "пересылаемое сообщение",
    "оригінальне повідомлення",
    "αρχικό μήνυμα",
    "orijinal ileti",
    "özgün ileti",
    "הודעה מקורית",
    "الرسالة الأصلية",
    "元のメッセージ",
    "原始邮件",
    "原始郵件",
    "原邮件",
    "원본 메시지",
    "원본 메일",
)

# Apple Mail writes this without dashes.
FORWARDS = (
    "begin forwarded message:",
    "anfang der weitergeleiteten nachricht:",
    "début du message réexpédié :",
    "début du message transféré :",
    "inicio del mensaje reenviado:",
    "início da mensagem reencaminhada:",
    "inizio messaggio inoltrato:",
    "begin doorgestuurd bericht:",
    "vidarebefordrat brev:",
    "start på videresendt besked:",
)

# Lines that phones and programs put under what is written.
SENT_FROM = (
    "sent from my ",
    "sent from mail for ",
    "sent from outlook",
    "sent from yahoo",
    "sent from samsung",
    "sent from proton",
    "sent with proton",
    "sent via ",
    "get outlook for ",
    "gesendet von mein",
    "gesendet von outlook",
    "von meinem ",
    "von meiner ",
    "gesendet mit ",
    "outlook für ",
    "envoyé de mon ",
    "envoyé depuis mon ",
    "envoyé à partir de ",
    "télécharger outlook pour ",
    "obtenez outlook pour ",
    "enviado desde mi ",
    "enviado do meu ",
    "enviado de mi ",
    "obtener outlook para ",
    "obter o outlook para ",
    "inviato da ",
    "inviato dal mio ",
    "scarica outlook per ",
    "verzonden vanaf mijn ",
    "verstuurd vanaf mijn ",
    "outlook voor ",
    "skickat från min ",
    "sendt fra min ",
    "sendt fra mit ",
    "lähetetty ",
    "wysłane z ",
    "odesláno z ",
    "отправлено с ",
    "отправлено из ",
    "надіслано з ",
    "iphone'umdan gönderildi",
    "iphoneから送信",
    "从我的iphone发送",
    "发自我的",
    "從我的",
    "나의 iphone에서 보냄",
)
