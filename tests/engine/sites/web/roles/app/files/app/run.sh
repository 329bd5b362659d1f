#!/bin/sh
echo x >> "$1"
wc -l < "$1"
