"""File types of recordings, by their endings."""

# What is opened, by a file's ending: the name of FFmpeg's reader, and what a browser is told that it is.
CONTAINERS = {
    ".mp4": ("mov", "video/mp4"),
    ".mov": ("mov", "video/mp4"),  # the same boxes: browsers refuse the older name
    ".m4v": ("mov", "video/mp4"),
    ".m4a": ("mov", "audio/mp4"),
    ".webm": ("matroska", "video/webm"),
    ".avi": ("avi", "video/x-msvideo"),
    ".wav": ("wav", "audio/wav"),
    ".flac": ("flac", "audio/flac"),
    ".mp3": ("mp3", "audio/mpeg"),
    ".ogg": ("ogg", "audio/ogg"),
}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TYPES = {ending: named for ending, (_, named) in CONTAINERS.items()} | PICTURES
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
