/// A container of videos whose frames can be read.
package enum VideoFormat: String, Sendable, CaseIterable {
    case mp4 = "MP4 or QuickTime"
    case matroska = "Matroska or WebM"
    case avi = "AVI"
    case mpegProgram = "MPEG program stream"
    case mpegTransport = "MPEG transport stream"
    case mpegElementary = "MPEG video"
    case flash = "Flash video"
    case windowsMedia = "Windows Media"
    case ogg = "Ogg"
    case yuv4mpeg = "YUV4MPEG2"
    case materialExchange = "MXF"
    case indeo = "IVF"
    case gif = "GIF"
    case apng = "APNG"

    /// The container's name, as messages have it.
    package var name: String { rawValue }

    /// The extensions that such files have, in lower case and without the dot. An animated picture is a video only where
    /// a job says so.
    package var extensions: [String] {
        switch self {
        case .mp4: ["mp4", "m4v", "mov", "qt", "3gp", "3g2"]
        case .matroska: ["mkv", "webm"]
        case .avi: ["avi", "divx"]
        case .mpegProgram: ["mpg", "mpeg", "vob"]
        case .mpegTransport: ["ts", "m2ts", "mts"]
        case .mpegElementary: ["m1v", "m2v"]
        case .flash: ["flv"]
        case .windowsMedia: ["wmv", "asf"]
        case .ogg: ["ogv"]
        case .yuv4mpeg: ["y4m"]
        case .materialExchange: ["mxf"]
        case .indeo: ["ivf"]
        case .gif, .apng: []
        }
    }

    /// The demuxer of ffmpeg that reads the container, and nothing else.
    var demuxer: String {
        switch self {
        case .mp4: "mov"
        case .matroska: "matroska"
        case .avi: "avi"
        case .mpegProgram: "mpeg"
        case .mpegTransport: "mpegts"
        case .mpegElementary: "mpegvideo"
        case .flash: "flv"
        case .windowsMedia: "asf"
        case .ogg: "ogg"
        case .yuv4mpeg: "yuv4mpegpipe"
        case .materialExchange: "mxf"
        case .indeo: "ivf"
        case .gif: "gif"
        case .apng: "apng"
        }
    }

    /// Finds the container by an extension, in any case and without the dot; nil where none has it.
    package init?(extension text: String) {
        let lowercased = text.lowercased()
        guard let format = Self.allCases.first(where: { $0.extensions.contains(lowercased) }) else { return nil }
        self = format
    }

    /// The container of the frames of an animated picture; nil where the format has none that can be read.
    init?(animated format: ImageFormat) {
        switch format {
        case .gif: self = .gif
        case .png: self = .apng
        default: return nil
        }
    }
}
