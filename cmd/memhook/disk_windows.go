package main

import "golang.org/x/sys/windows"

// freeDisk returns how many bytes this user may still write to a folder's disk.
func freeDisk(dir string) (free uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	return free, windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
}
