"""Every word of the report in English and Chinese, and how numbers, dates and places are written in each."""

from collections.abc import Sequence
from datetime import datetime

from qgis.PyQt.QtCore import QDate, QLocale

from ..accuracy.estimates import Estimate
from ..review.verdicts import STATUSES
from .settings import LANGUAGES

# key: (English, Chinese). Terms as Chinese land offices use them: 图斑 patch, 疑似 suspected, 伪变化 pseudo-change.
TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Farmland change", "耕地变化监测报告"),
    "subtitle_all": ("Report on suspected changes", "疑似变化图斑"),
    "subtitle_confirmed": ("Report on confirmed changes", "已确认变化图斑"),
    "place": ("Place", "位置"),
    "period": ("Period", "时段"),
    "imagery": ("Imagery", "影像"),
    "office": ("Office", "单位"),
    "author": ("Author", "编制人"),
    "made": ("Made", "编制日期"),
    "run": ("Run", "运行编号"),
    "summary": ("Summary", "摘要"),
    "unknown_date": ("an unknown date", "日期不详"),
    "candidates": ("Candidates", "图斑数"),
    "reviewed": ("Reviewed", "已复核"),
    "hectares": ("Hectares", "公顷"),
    "mu": ("Mu", "亩"),
    "found_all": (
        "The comparison of the images of {before} and {after} shows {count} place{s} where farmland may have become "
        "something else: {ha} ha ({mu} mu) altogether.",
        "对比{before}与{after}的影像，发现疑似耕地变化图斑{count}个，总面积{ha}公顷（{mu}亩）。",
    ),
    "found_confirmed": (
        "Between {before} and {after}, the review confirmed {count} place{s} where farmland has become something else: "
        "{ha} ha ({mu} mu) altogether.",
        "{before}至{after}期间，经复核确认的耕地变化图斑{count}个，总面积{ha}公顷（{mu}亩）。",
    ),
    "largest_class": (
        "The largest class is {label}: {count} candidate{s}, {ha} ha, {share} % of the area.",
        "面积最大的类别为{label}：图斑{count}个，{ha}公顷，占总面积的{share}%。",
    ),
    "unknown_class": (
        "Of {count} candidate{s} ({ha} ha, {share} % of the area) it is not known what the ground became.",
        "其中{count}个图斑（{ha}公顷，占总面积的{share}%）有变化，但变化后的类别未知。",
    ),
    "nothing_reviewed": (
        "Nobody has reviewed these candidates yet: they are suspicions of a model, not findings.",
        "以上图斑均未经人工复核，仅为模型的疑似结果，不作为认定依据。",
    ),
    "demo_review": (
        "Demonstration: {count} verdict{s} of this review had been recorded beforehand. This report is no finding.",
        "演示：本次复核中有{count}条结论为预先录制，本报告不作为认定依据。",
    ),
    "some_reviewed": (
        "{reviewed} of {total} candidates have been reviewed. What is not reviewed is a suspicion of a model, "
        "not a finding.",
        "共{total}个图斑，已复核{reviewed}个；未复核的图斑仅为模型的疑似结果，不作为认定依据。",
    ),
    "pseudo_left_out": (
        "Left out: {count} candidate{s} ({ha} ha) that the review found to be pseudo-changes.",
        "经复核判为伪变化的{count}个图斑（{ha}公顷）不计入本报告。",
    ),
    "fallback": (
        "Only confirmed candidates were asked for, but nothing has been reviewed: the report shows all candidates.",
        "要求仅列出已确认图斑，但尚无任何复核结果，故本报告列出全部图斑。",
    ),
    "in_use": (
        "{name} is open in another program: this report's is called {other}.",
        "{name}正被其他程序占用，本次结果另存为{other}。",
    ),
    "hard_regions": (
        "In {count} hard region{s}, {ha} ha in all, the model's confidence is below {tau}; a person must look there.",
        "另有低置信区域{count}处，共{ha}公顷，模型置信度低于{tau}，须人工核查。",
    ),
    "no_farmland": (
        "No farmland layer limited the comparison: candidates may lie outside farmland.",
        "本次检测未使用耕地范围图层，图斑可能位于耕地之外。",
    ),
    "farmland": (
        "Only ground inside the farmland layer {name} was compared.",
        "仅检测耕地范围图层{name}以内的区域。",
    ),
    "pages_follow": (
        "At the end there is a page for each of the {count} largest candidates.",
        "报告末尾附面积最大的{count}个图斑，每个一页。",
    ),
    "files_follow": (
        "The tables and polygons beside this report hold all {total}.",
        "全部{total}个图斑见随附的表格和矢量数据。",
    ),
    "of_farmland": (
        "Of the {ha} ha of farmland within the compared extent, {share} % lie in them.",
        "其中位于耕地内的部分占检测范围内耕地面积（{ha}公顷）的{share}%。",
    ),
    "chosen": ("Only these are counted: {what}.", "仅统计：{what}。"),
    "at_least": ("candidates of at least {area} m²", "面积不小于{area}平方米的图斑"),
    "edited": (
        "A reviewer changed the outline of {count} candidate{s}, whose area was measured anew.",
        "{count}个图斑的边界经复核人员修改，面积已重新量算。",
    ),
    "outline": ("Outline", "边界"),
    "outline_edited": ("changed by the reviewer", "复核时已修改"),
    "open_place": ("Open this place: {uri}", "打开位置：{uri}"),
    "tables": ("Tables", "统计表"),
    "overview": ("Overview", "总览图"),
    "overview_caption": ("Candidates over the image of {after}", "图斑分布（底图：{after}影像）"),
    "overview_caption_bare": ("Candidates", "图斑分布"),
    "coordinates": ("Coordinates: {crs}", "坐标：{crs}"),
    "image_missing": ("Image not found: {name}", "未找到影像：{name}"),
    "north": ("N", "北"),
    "by_class": ("Change by class", "分类统计"),
    "class": ("Class", "类别"),
    "count": ("Candidates", "图斑数（个）"),
    "ha": ("Area (ha)", "面积（公顷）"),
    "mu_area": ("Area (mu)", "面积（亩）"),
    "share": ("Share (%)", "占比（%）"),
    "total": ("Total", "合计"),
    "by_unit": ("Change by unit", "按单元统计"),
    "unit": ("Unit", "单元"),
    "outside_units": ("(outside all units)", "（各单元之外）"),
    "parts": ("Parts by unit", "图斑分割明细"),
    "parts_count": ("Candidates and parts", "图斑及分块（个）"),
    "units_note": ("Units: {name}.", "统计单元：{name}。"),
    "cut_note": (
        "Borders cut {count} of the {all} candidates; each part counts in its own unit, so that the units hold "
        "{parts} candidates and parts.",
        "{all}个图斑中有{count}个被单元界线分割，各部分计入所在单元，合计{parts}个（含分块）。",
    ),
    "overlap_note": (
        "Units overlap: {ha} ha lie in more than one of them and count in the first only.",
        "单元之间有重叠：{ha}公顷位于多个单元内，仅计入第一个单元。",
    ),
    "farmland_share": ("Share of farmland (%)", "占耕地比例（%）"),
    "farmland_note": (
        "Share of farmland: what of the class lies on the farmland of {name}, which has {ha} ha within the compared "
        "extent.",
        "占耕地比例：该类图斑位于耕地图层{name}内的面积与检测范围内耕地面积（{ha}公顷）之比。",
    ),
    "on_farmland": ("On farmland (ha)", "耕地内面积（公顷）"),
    "by_reason": ("Rejected pseudo-changes", "伪变化原因"),
    "reason": ("Reason", "原因"),
    "reason_crop_rotation": ("Crop rotation", "作物轮作"),
    "reason_season": ("Season", "季节差异"),
    "reason_illumination": ("Illumination", "光照差异"),
    "reason_shadow": ("Shadow", "阴影"),
    "reason_misregistration": ("Misregistration", "配准误差"),
    "reason_cloud": ("Cloud", "云"),
    "no_reason": ("No reason given", "未注明"),
    "reason_note": (
        "Pseudo-changes that the review rejected; no other table of changes counts them.",
        "以上为复核剔除的伪变化，其他变化统计表均不含。",
    ),
    "reviewer": ("Reviewer", "复核人"),
    "reviewed_on": ("Reviewed on", "复核日期"),
    "note": ("Note", "备注"),
    "confidence_head": ("Confidence (%)", "置信度（%）"),
    "section": ("Section", "章节"),
    "entry": ("Entry", "条目"),
    "value": ("Value", "内容"),
    "field": ("Field", "字段"),
    "meaning": ("Meaning", "含义"),
    "accuracy": ("Accuracy of the map", "精度评估"),
    "judged": ("Points judged", "已判读样点（个）"),
    "users": ("User's accuracy (%)", "用户精度（%）"),
    "producers": ("Producer's accuracy (%)", "生产者精度（%）"),
    "mapped": ("Mapped (ha)", "制图面积（公顷）"),
    "estimated_ha": ("Estimated (ha)", "估计面积（公顷）"),
    "estimated_mu": ("Estimated (mu)", "估计面积（亩）"),
    "overall": (
        "Overall accuracy: {value} %. ± is half of the 95 % interval (Olofsson et al. 2014).",
        "总体精度：{value}%。±为95%置信区间半宽（Olofsson等，2014）。",
    ),
    "sample_note": (
        "Stratified random sample of the map before any review: {judged} of {drawn} points judged, {undecided} without "
        "an answer, seed {seed}.",
        "样本为复核前分类图的分层随机样点：共{drawn}个，已判读{judged}个，无法判定{undecided}个，随机种子{seed}。",
    ),
    "sample_unfinished": (
        "The sample is not finished: its figures are provisional.",
        "样点尚未全部判读，以上数值为暂定值。",
    ),
    "few_points": (
        "Few points, so that the accuracy is only loosely known: {classes}.",
        "样点较少、精度仅供参考的类别：{classes}。",
    ),
    "error_matrix": ("Error matrix", "误差矩阵"),
    "map_or_reference": ("Map \\ reference", "分类图＼参考"),
    "matrix_note": (
        "Judged points: the map in rows, the reference in columns.",
        "已判读样点数：行为分类结果，列为参考类别。",
    ),
    "by_status": ("State of the review", "复核情况"),
    "status": ("Status", "复核状态"),
    "unreviewed": ("Not reviewed", "未复核"),
    "confirmed": ("Confirmed", "已确认"),
    "other_class": ("Confirmed as another class", "确认为其他类别"),
    "pseudo_change": ("Pseudo-change", "伪变化"),
    "unsure": ("Unsure", "存疑"),
    "conflict": ("Reviewers disagree", "意见不一"),
    "skipped": ("Skipped", "暂跳过"),
    "area_note": (
        "Areas are measured on the ellipsoid; 1 ha = 15 mu. Rounded figures are adjusted in the last digit so that "
        "they add up to the rounded total.",
        "面积为椭球面积，1公顷=15亩。表中数值经末位调整，各项之和等于合计。",
    ),
    "status_note": (
        "Of the {total} candidates of the run, this report counts {count}.",
        "本次运行共有图斑{total}个，本报告计入{count}个。",
    ),
    "method": ("Method and provenance", "方法与数据来源"),
    "method_text": (
        "A neural network compared the two images tile by tile and gave every pixel a class of change and a "
        "confidence. Connected pixels of one class became candidates, outlined along the pixels' edges. The table "
        "holds what is needed to repeat the run.",
        "由神经网络对两期影像逐块比对，为每个像元给出变化类别和置信度；同类相连像元合并为图斑，边界沿像元边缘。"
        "下表列出重现本次运行所需的全部信息。",
    ),
    "method_binary": (
        "A neural network compared the two images tile by tile and said of every pixel whether it changed, and with "
        "what confidence. Connected changed pixels became candidates, outlined along the pixels' edges; what the "
        "ground became was said by the review alone. The table holds what is needed to repeat the run.",
        "由神经网络对两期影像逐块比对，判断每个像元是否变化并给出置信度；相连的变化像元合并为图斑，边界沿像元边缘；"
        "变化后的类别仅由复核人员给出。下表列出重现本次运行所需的全部信息。",
    ),
    "inputs": ("Inputs", "输入数据"),
    "before": ("Before", "前时相"),
    "after": ("After", "后时相"),
    "file": ("{name}, {size} bytes, {date}", "{name}，{size}字节，{date}"),
    "grid": ("Grid", "格网"),
    "grid_value": (
        "{width} × {height} pixels of {resolution} m, {crs}",
        "{width} × {height}像元，分辨率{resolution}米，{crs}",
    ),
    "stretch": ("Stretch", "拉伸"),
    "parameters": ("Parameters", "参数"),
    "bands": ("Bands as red, green, blue", "用作红、绿、蓝的波段"),
    "aoi": ("Area of interest", "检测范围"),
    "farmland_layer": ("Farmland layer", "耕地图层"),
    "tau": ("Confidence limit (tau)", "置信度阈值（tau）"),
    "smallest": ("Smallest candidate", "最小图斑"),
    "tiles": ("Tile, overlap", "分块、重叠"),
    "tiles_value": ("{tile} pixels, {overlap} pixels", "{tile}像元、{overlap}像元"),
    "connectivity": ("Connectivity", "连通方式"),
    "options": ("Options", "选项"),
    "symmetric": ("both orders averaged", "双向平均"),
    "match": ("histograms matched", "直方图匹配"),
    "context": ("context prompts", "上下文提示词"),
    "none": ("none", "无"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "model": ("Model", "模型"),
    "checkpoint": ("Checkpoint", "权重文件"),
    "sha256": ("SHA-256", "SHA-256"),
    "description": ("Description", "说明"),
    "data": ("Trained on", "训练数据"),
    "metrics": ("Measured", "精度指标"),
    "measured_on": ("Measured on", "评测数据"),
    "text_encoder": ("Text encoder", "文本编码器"),
    "licence": ("Licence", "许可"),
    "known_limits": ("Known limits", "已知局限"),
    "in_general": ("In general", "一般说明"),
    "of_the_model": ("Of this model", "本模型"),
    "general_limits": (
        "The images show what covers the ground, not how it is used or who may use it. What is smaller than {area} m², "
        "or hidden by cloud or shadow in one of the images, is not found. Outlines are as exact as the coarser image "
        "and as the two lie upon each other. What nobody has reviewed is a suspicion.",
        "影像反映地表覆盖，不反映土地用途和权属。小于{area}平方米的变化，以及任一期影像中被云或阴影遮挡的变化无法检出。"
        "边界精度取决于较粗的影像和两期影像的配准精度。未经复核的图斑仅为疑似结果。",
    ),
    "verdicts_of": ("{name}: {count} verdict{s}", "{name}：{count}条"),
    "modified": ("file last changed on {date}", "文件修改日期：{date}"),
    "no_font": (
        "No installed font holds Chinese, so the PDF would be unreadable: install Noto Sans CJK SC (or another Chinese "
        "font) and make the report again, or choose English.",
        "未安装含中文的字体，PDF将无法阅读：请安装Noto Sans CJK SC（或其他中文字体）后重新生成，或改用英文。",
    ),
    "machine": ("Run", "运行环境"),
    "device": ("Device", "计算设备"),
    "time": ("Time", "时间"),
    "versions": ("Versions", "软件版本"),
    "findings": ("Findings before the run", "运行前检查"),
    "candidate": ("Candidate {number}", "图斑 {number}"),
    "rank": ("{rank} of {total} by area", "按面积第{rank}/{total}位"),
    "attributes": ("Attributes", "属性"),
    "second_class": ("Second class", "次选类别"),
    "area": ("Area", "面积"),
    "area_value": ("{ha} ha · {mu} mu", "{ha}公顷 · {mu}亩"),
    "confidence": ("Confidence, mean", "平均置信度"),
    "confidence_min": ("Confidence, lowest", "最低置信度"),
    "hard_share": ("Share below tau", "低于阈值的比例"),
    "arbitration": ("Text prior: no change", "文本先验判为未变化"),
    "disagreement": ("Share in disagreement", "二者不一致的比例"),
    "centre": ("A point inside (WGS 84)", "图斑内点（WGS 84）"),
    "in_crs": ("The same in {crs}", "{crs}坐标"),
    "bars": ("Area by class", "各类面积"),
    "largest": ("Largest candidates", "面积最大的图斑"),
    "locator": ("Where it lies", "所在位置"),
    "page": ("Page {page} of {pages}", "第{page}页，共{pages}页"),
    "longitude": ("Longitude (° E, WGS 84)", "经度（°，WGS 84）"),
    "latitude": ("Latitude (° N, WGS 84)", "纬度（°，WGS 84）"),
    "sheet": ("Candidates", "图斑"),
    "number": ("Candidate", "图斑编号"),
    "class_id": ("Class id", "类别代码"),
}


class Words:
    """The report's words in one language; `words("key", name=value)` gives a sentence."""

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self._column = LANGUAGES.index(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text of the table with its places filled."""
        plural = "" if str(values.get("count")) == "1" else "s"
        return TEXTS[key][self._column].format(s=plural, **values)

    def status(self, status: str) -> str:
        """Name what the review says of a candidate; a status of other programs stays as it is."""
        return self(status) if status in STATUSES else status

    def join(self, sentences: list[str]) -> str:
        """Make a paragraph of sentences."""
        return ("" if self.language == "zh" else " ").join(sentences)

    def list(self, names: Sequence[str]) -> str:
        """Write names one after the other."""
        return ("、" if self.language == "zh" else ", ").join(names)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with thousands separated and a fixed count of digits after the point."""
        return f"{value:,.{digits}f}"

    def estimate(self, found: Estimate | None, factor: float, digits: int) -> str:
        """Write an estimate with half of its 95 % interval; nothing where nothing can be said."""
        if found is None:
            return ""
        scaled = found.times(factor)
        value = self.number(scaled.value, digits)
        return value if scaled.margin is None else f"{value} ± {self.number(scaled.margin, digits)}"

    def percent(self, share: float) -> str:
        """Write a share 0..1 as percents."""
        return f"{100 * share:.0f} %" if self.language == "en" else f"{100 * share:.0f}%"

    def day(self, iso: str | None) -> str:
        """Write the day of an ISO 8601 text."""
        day = QDate.fromString((iso or "")[:10], "yyyy-MM-dd")
        if not day.isValid():
            return self("unknown_date")
        if self.language == "zh":
            return f"{day.year()}年{day.month()}月{day.day()}日"
        return QLocale(QLocale.Language.English).toString(day, "d MMMM yyyy")

    def today(self) -> str:
        """Write the present day."""
        return self.day(datetime.now().date().isoformat())

    def place(self, longitude: float, latitude: float) -> str:
        """Write a place in WGS 84 to about a metre."""
        if self.language == "zh":
            east, north = "东经" if longitude >= 0 else "西经", "北纬" if latitude >= 0 else "南纬"
            return f"{north}{abs(latitude):.5f}° {east}{abs(longitude):.5f}°"
        east, north = "E" if longitude >= 0 else "W", "N" if latitude >= 0 else "S"
        return f"{abs(latitude):.5f}° {north}, {abs(longitude):.5f}° {east}"
