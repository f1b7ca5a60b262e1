"""File types of recordings, by their endings."""

# Videos and sounds that are read, by their endings.
PLAYED = {
    ".mp4": "video/mp4",
    ".mov": "video/mp4",  # the same boxes: browsers refuse the older name
    ".m4v": "video/mp4",
    ".m4a": "audio/mp4",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TYPES = PLAYED | PICTURES
SPOKEN = (".srt", ".vtt", ".textgrid")
# Recordings that are not read, by their endings, and what to convert them to.
UNREAD = {
    **dict.fromkeys(
        (".mkv", ".3gp", ".3g2", ".flv", ".wmv", ".mpg", ".mpeg", ".ogv"), ".mp4 or .wav"
    ),
    **dict.fromkeys(
        (".ts", ".mts", ".m2ts", ".vob", ".asf", ".rm", ".rmvb", ".f4v"), ".mp4 or .wav"
    ),
    **dict.fromkeys((".aac", ".opus", ".wma", ".aif", ".aiff", ".amr", ".ac3", ".caf"), ".wav"),
    **dict.fromkeys((".m4b", ".oga", ".weba", ".au", ".ape", ".ra", ".sph", ".wv"), ".wav"),
    **dict.fromkeys((".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"), ".png"),
}
