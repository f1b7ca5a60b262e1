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
