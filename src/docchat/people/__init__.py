"""What one person has here, across chats and documents: counted, taken along, erased; and what an operator may see."""
