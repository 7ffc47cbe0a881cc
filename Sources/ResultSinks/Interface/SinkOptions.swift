import Base

/// Where results go and how they are written.
package struct SinkOptions: Sendable, Equatable {
    package enum Place: Sendable, Equatable {
        case standardOutput
        case file(String)
        /// A folder, for a format of many files; it is made where it is not there.
        case folder(String)
        /// The folder of each picture.
        case besidePictures
    }

    package let format: ResultFormat
    package let place: Place
    /// Whether a file has the results in the order of the jobs, and not in that of completion.
    package var isSorted = false
    package var sidecar = SidecarRules()
    /// Whether shards get the pictures too.
    package var copiesPictures = false
    /// The file of COCO that knows the numbers of pictures and categories; nil for none.
    package var cocoImages: String?
    /// The file that notes which sidecars were written; nil for none.
    package var sidecarLog: String?

    /// Decides about format and place by what a person gave.
    ///
    /// - Parameters:
    ///   - format: nil where the output's name decides: csv, tsv, parquet; txt for a folder; else jsonl.
    ///   - output: a file, `-` for standard output, or a folder that is there or whose name ends with a slash. Where `format` is
    ///     txt it is a folder only with the slash, so that what the same words do does not depend on what is there.
    ///   - folder: a folder, whatever its name.
    /// - Throws: ``SinkError`` with the code `bad_place` where they do not fit each other.
    package init(format: ResultFormat?, output: String?, folder: String?) throws(SinkError) {
        let named = output.flatMap {
            $0.utf8.last == UInt8(ascii: "/") || (format != .txt && FileSystem.isFolder($0)) ? $0 : nil
        }
        if let named, let folder, !named.isExactly(folder) {
            throw SinkError(.badPlace, at: named, "this is a folder, and \(folder) is one too; give one of them")
        }
        let target = folder ?? named
        let format = format ?? (target != nil ? .txt : Self.format(byName: output))
        self.format = format
        if format.isManyFiles {
            if let target {
                place = .folder(target)
            } else {
                guard format == .txt else {
                    throw SinkError(
                        .badPlace, at: output ?? "the output",
                        "the format \(format.rawValue) is many files; give a folder")
                }
                place = .besidePictures
            }
        } else if let target {
            throw SinkError(
                .badPlace, at: target, "the format \(format.rawValue) is one file, and this is a folder; give a file")
        } else if let output, output != "-" {
            place = .file(output)
        } else {
            place = .standardOutput
        }
    }

    private static func format(byName output: String?) -> ResultFormat {
        switch output?.pathExtension {
        case "csv"?: .csv
        case "tsv"?, "tab"?: .tsv
        case "parquet"?: .parquet
        default: .jsonl
        }
    }

    /// Refuses an output that is one of the files which are read.
    ///
    /// - Throws: ``SinkError`` with the code `is_input`.
    package func check(inputs: [String]) throws(SinkError) {
        guard case .file(let path) = place, let identity = FileIdentity(path: path) else { return }
        for input in inputs + [cocoImages].compactMap(\.self) where FileIdentity(path: input) == identity {
            throw SinkError(.isInput, at: path, "the output is the input \(input); give another name")
        }
    }
}
