"""Land cover of single images, on a pre-trained encoder: whose opinion a comparison without training begins with."""
