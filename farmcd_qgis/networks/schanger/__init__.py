"""SChanger: a semantic prior network on single images, and the change network that grows from its weights."""
