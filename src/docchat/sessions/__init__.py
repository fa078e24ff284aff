"""Chats: sealed storage, clearing, search and export."""
