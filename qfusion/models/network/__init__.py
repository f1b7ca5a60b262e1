"""The entangled QCNN: truth tables that fuse, the convolutional network after them, and exact values of coalitions."""
