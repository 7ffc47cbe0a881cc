import Archives
import Base
import Foundation
import Tables

/// Reads one file and prints how long it took.
struct Measurement {
    let file: String
    let column: String?

    func run(_ kind: String) throws {
        switch kind {
        case "csv": try readDelimited(.csv)
        case "tsv": try readDelimited(.tsv)
        case "rows": try readRows()
        case "cells": try readCells()
        case "tar": try listMembers()
        case "samples": try readSamples()
        default: throw TableError(.unsupported, at: kind, "this is none of csv, tsv, rows, cells, tar and samples")
        }
    }

    private func report(_ what: String, count: Int, bytes: Int, since start: ContinuousClock.Instant) {
        let time = ContinuousClock.now - start
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        let rate = Double(bytes) / seconds / 1e6
        print("\(count) \(what), \(bytes) bytes, \(seconds.rounded(to: 4)) s, \(rate.rounded(to: 0)) MB/s")
    }

    private func readDelimited(_ format: DelimitedFormat) throws {
        let start = ContinuousClock.now
        let reader = try DelimitedReader(try FileSource(path: file), name: file, format: format, hasHeader: true)
        while try reader.next() != nil {}
        report("rows", count: reader.rows, bytes: Int(try FileStamp(path: file).size), since: start)
    }

    private func readRows() throws {
        let start = ContinuousClock.now
        let parquet = try ParquetFile(path: file)
        let columns = try column.map { [try parquet.column($0)] } ?? Array(parquet.columns.indices)
        let rows = try parquet.rows(of: columns)
        var bytes = 0
        while let values = try rows.next() { bytes += values.reduce(0) { $0 + size($1) } }
        report("rows", count: parquet.rowCount, bytes: bytes, since: start)
    }

    private func readCells() throws {
        let start = ContinuousClock.now
        let parquet = try ParquetFile(path: file)
        let index = try parquet.column(column ?? "image.bytes")
        var bytes = 0
        for row in 0..<parquet.rowCount { bytes += size(try parquet.cell(column: index, row: row)) }
        report("cells", count: parquet.rowCount, bytes: bytes, since: start)
    }

    private func size(_ value: ParquetValue) -> Int {
        if case .bytes(let bytes) = value { bytes.count } else { 8 }
    }

    private func listMembers() throws {
        let start = ContinuousClock.now
        let tar = try TarReader(try FileSource(path: file), name: file)
        var (count, bytes) = (0, 0)
        while let member = try tar.next() {
            if count == 0 { report("member", count: 1, bytes: member.size, since: start) }
            count += 1
            bytes += member.size
        }
        report("members", count: count, bytes: bytes, since: start)
    }

    private func readSamples() throws {
        let start = ContinuousClock.now
        let samples = try SampleReader(try FileSource(path: file), name: file) { _ in .read }
        var (count, bytes) = (0, 0)
        while let sample = try samples.next() {
            if count == 0 { report("sample", count: 1, bytes: 0, since: start) }
            count += 1
            bytes += sample.fields.reduce(0) { $0 + $1.size }
        }
        report("samples", count: count, bytes: bytes, since: start)
    }
}

extension Double {
    fileprivate func rounded(to digits: Int) -> Double {
        let scale = pow(10, Double(digits))
        return (self * scale).rounded() / scale
    }
}
