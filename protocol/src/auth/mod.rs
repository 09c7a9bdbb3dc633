//! Authentication: what the frontend answers to the server's requests.
