// Writes files for readers of other projects, and measures how fast ours read: `formats write FOLDER`,
// `formats measure KIND FILE [COLUMN]`. check.py beside this file uses the first, benchmarks/README.md the second.

import Foundation

let arguments = CommandLine.arguments.dropFirst()

switch (arguments.first, arguments.count) {
case ("write", 2):
    try WrittenFiles(folder: arguments[2]).write()
case ("measure", 3...4):
    let measurement = Measurement(file: arguments[3], column: arguments.count == 4 ? arguments[4] : nil)
    switch arguments[2] {
    case "csv": try measurement.readDelimited(.csv)
    case "tsv": try measurement.readDelimited(.tsv)
    case "rows": try measurement.readRows()
    case "cells": try measurement.readCells()
    case "tar": try measurement.listMembers()
    case "samples": try measurement.readSamples()
    default: fail()
    }
default: fail()
}

func fail() -> Never {
    FileHandle.standardError.write(
        Data("usage: formats write FOLDER | formats measure csv|tsv|rows|cells|tar|samples FILE [COLUMN]\n".utf8))
    exit(2)
}
