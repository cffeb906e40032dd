/** A label of Cityscapes; its place in the list is its id. */
export interface CityscapesLabel {
  readonly name: string;
  readonly category: string;
  /** Whether true pixels of this label do not count. */
  readonly ignored: boolean;
  /** Whether the label tells objects apart. */
  readonly hasInstances: boolean;
  /** Mean pixels of an object in the training set, which weighs objects of different sizes alike. */
  readonly averageSize?: number;
}

function label(name: string, category: string, ignored = false): CityscapesLabel {
  return { name, category, ignored, hasInstances: false };
}

function objects(name: string, category: string, averageSize: number, ignored = false): CityscapesLabel {
  return { name, category, ignored, hasInstances: true, averageSize };
}

/** Names, categories and average sizes of cityscapesScripts, by label id. */
export const CITYSCAPES_LABELS: readonly CityscapesLabel[] = [
  label('unlabeled', 'void', true),
  label('ego vehicle', 'void', true),
  label('rectification border', 'void', true),
  label('out of roi', 'void', true),
  label('static', 'void', true),
  label('dynamic', 'void', true),
  label('ground', 'void', true),
  label('road', 'flat'),
  label('sidewalk', 'flat'),
  label('parking', 'flat', true),
  label('rail track', 'flat', true),
  label('building', 'construction'),
  label('wall', 'construction'),
  label('fence', 'construction'),
  label('guard rail', 'construction', true),
  label('bridge', 'construction', true),
  label('tunnel', 'construction', true),
  label('pole', 'object'),
  label('polegroup', 'object', true),
  label('traffic light', 'object'),
  label('traffic sign', 'object'),
  label('vegetation', 'nature'),
  label('terrain', 'nature'),
  label('sky', 'sky'),
  objects('person', 'human', 3462.4756337644),
  objects('rider', 'human', 3930.4788056518),
  objects('car', 'vehicle', 12794.0202738185),
  objects('truck', 'vehicle', 27855.1264367816),
  objects('bus', 'vehicle', 35732.1511111111),
  objects('caravan', 'vehicle', 36771.8241758242, true),
  objects('trailer', 'vehicle', 16926.9763313609, true),
  objects('train', 'vehicle', 67583.7075812274),
  objects('motorcycle', 'vehicle', 6298.7200839748),
  objects('bicycle', 'vehicle', 4672.3249222261),
];

/** Instance ids are label · 1000 + number; smaller ids are the label itself, for pixels of no single object. */
export const IDS_PER_LABEL = 1000;
