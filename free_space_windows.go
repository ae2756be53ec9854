package main

import (
	"syscall"
	"unsafe"
)

// freeSpace measures the disk that holds path: what we may use, and all of it.
func freeSpace(path string) (space, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return space{}, err
	}
	var s space
	ask := syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")
	if ok, _, err := ask.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&s.free)), uintptr(unsafe.Pointer(&s.size)), 0); ok == 0 {
		return space{}, err
	}
	return s, nil
}
