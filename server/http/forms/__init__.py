"""``multipart/form-data`` (RFC 7578) as clients really write it: strict where bytes could be lost, else lenient."""
