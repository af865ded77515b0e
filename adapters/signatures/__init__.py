"""Reading signatures on files: pyHanko for PDF and CMS, PyJWT for JWS, in processes of their own."""
