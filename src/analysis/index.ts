export type * from "./openImage.ts";
export { entriesOfErofs, entriesOfTree } from "./layerEntries.ts";
export { imageLayersOf } from "./imageLayers.ts";
export type { KnownLayer } from "./imageLayers.ts";
export { Change, changeNames, changesBetween, MODIFYING } from "./changes.ts";
export type { ChangeName } from "./changes.ts";
export { buildImageTree, ImageTree, readImageTree } from "./imageTree.ts";
export type { Occurrence, UndecidedContent } from "./imageTree.ts";
export { NodeState, TreeView } from "./treeView.ts";
export { scoreImage } from "./scores.ts";
export type { ImageScores, Inefficiency } from "./scores.ts";
export { layerEntriesOf, withLowerHardlinks } from "./indexedEntries.ts";
export type { LayerIndexBytes } from "./indexedEntries.ts";
export { DEFAULT_CI_THRESHOLDS, evaluateCi, parseCiRules } from "./ciRules.ts";
export type { CiResult, CiRule, CiRuleKey, CiStatus, CiThresholds } from "./ciRules.ts";
export { parseDiveCi } from "./ciFile.ts";
export { formatCiReport } from "./ciReport.ts";
export type { CiPaint, CiStyle } from "./ciReport.ts";
export { diveCommandOf, diveReport } from "./diveReport.ts";
export { mergeImage, readWhole, resolvePath } from "./mergedImage.ts";
export type { MergedImage } from "./mergedImage.ts";
export { explainPath } from "./pathHistory.ts";
export type { HiddenBy, PathEvent, PathHistory } from "./pathHistory.ts";
export { readPackages } from "./packages/readPackages.ts";
export type { PackageSet, ReadPackagesOptions } from "./packages/readPackages.ts";
export type { Package, PackageManager } from "./packages/package.ts";
export { diffFiles, sharedLayersOf } from "./diff/diffFiles.ts";
export type { DiffFilesOptions, FileDifference } from "./diff/diffFiles.ts";
export { settleContents } from "./settleContents.ts";
export type { DigestOf, SettleOptions } from "./settleContents.ts";
export { diffPackages } from "./diff/diffPackages.ts";
export type { PackageDifference } from "./diff/diffPackages.ts";
export { diffConfig } from "./diff/diffConfig.ts";
export type { ConfigDifference } from "./diff/diffConfig.ts";
export { diffSizes } from "./diff/diffSizes.ts";
export type { SizeDifference } from "./diff/diffSizes.ts";
export { baseImagesOf, baseOfLayer } from "./baseImages.ts";
export type { BaseImage, NamedLayers } from "./baseImages.ts";
export { compileGlob } from "./glob.ts";
export type { PathPredicate } from "./glob.ts";
export { compileSearch, searchLayer } from "./search.ts";
export type { SearchMatcher, SearchQuery } from "./search.ts";
export { archiveFiles } from "./files/archiveFiles.ts";
export type { ArchivedFile } from "./files/archiveFiles.ts";
export { fileLineOf, listFiles } from "./files/fileLine.ts";
export type { FileLine } from "./files/fileLine.ts";
export { ImageFiles, openImageFiles, shownPath } from "./files/imageFiles.ts";
export type { ImageFile } from "./files/imageFiles.ts";
export { layersAtStep, parseImageStep } from "./files/imageStep.ts";
export type { ImageAtStep } from "./files/imageStep.ts";
export { searchLayers } from "./files/searchHits.ts";
export type { SearchedImage, SearchedLayer, SearchHit } from "./files/searchHits.ts";
export { whyPath } from "./files/whyPath.ts";
export type { WhyEvent, WhyPackage, WhyQuestion, WhyReply } from "./files/whyPath.ts";
export { shareTree } from "./shareTree.ts";
export type { SharedLayer, SharingImage } from "./shareTree.ts";
export { compareImages, DIFF_PARTS } from "./files/compareImages.ts";
export type {
  ComparedImage,
  CompareOptions,
  DiffedFile,
  DiffedPackage,
  DiffPart,
  DiffReply,
  DiffSide,
  FileFacts,
} from "./files/compareImages.ts";
