package main

// keepFilesPrivate does nothing: Windows knows no such thing.
func keepFilesPrivate() {}
